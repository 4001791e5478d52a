"""The place where the daemon's verbs are tried, and a mailbox that is active there."""

import pytest

from connector.model import Mailbox
from tests.unit.operations.bureau import Bureau


@pytest.fixture
def bureau() -> Bureau:
    """A running daemon's inside, nothing activated."""
    return Bureau()


@pytest.fixture
def ada(bureau: Bureau) -> Mailbox:
    """An active mailbox, all of it acknowledged."""
    mailbox = bureau.active()
    bureau.sent()
    return mailbox
