"""A keystore's content in clear, on its way from one sealed form into another; never in a file of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import datetime

from connector.errors import KeystoreError
from connector.keystore.document import Secret, check_name


def write(secrets: Iterable[Secret]) -> bytes:
    """JSON: name, version, time and value of each."""
    rows = [
        [one.name, one.version, one.set_at.isoformat(), base64.b64encode(one.value).decode()]
        for one in secrets
    ]
    return json.dumps(rows).encode()


def read(data: bytes) -> list[Secret]:
    """The inverse. Raises KeystoreError, which repeats nothing of it."""
    try:
        secrets = [
            Secret(str(name), int(version), datetime.fromisoformat(set_at), base64.b64decode(value))
            for name, version, set_at, value in json.loads(data)
        ]
    except (ValueError, TypeError, RecursionError):
        raise KeystoreError("The secrets in the backup can't be read.") from None
    for one in secrets:
        check_name(one.name)
    return secrets
