"""Everything that ``connector.store.base.Store`` promises, as one class for each adapter to pass."""

from __future__ import annotations

from tests.contract.store_index import IndexContract
from tests.contract.store_intents import IntentContract
from tests.contract.store_mailboxes import LifeContract, MailboxContract
from tests.contract.store_outbox import OutboxContract
from tests.contract.store_records import (
    AuditContract,
    CommandContract,
    HousekeepingContract,
    KeyContract,
)


class StoreContract(
    LifeContract,
    MailboxContract,
    IndexContract,
    IntentContract,
    OutboxContract,
    CommandContract,
    KeyContract,
    AuditContract,
    HousekeepingContract,
):
    """Subclass it and give a fixture ``store``: a new, empty store for each test."""
