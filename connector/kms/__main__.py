"""``python -m connector.kms``."""

import sys

from connector.kms.cli import main

sys.exit(main())
