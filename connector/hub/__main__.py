"""``python -m connector.hub``."""

import sys

from connector.hub.cli import main

sys.exit(main())
