"""The hub in memory keeps the rules that every hub has to keep."""

from __future__ import annotations

from connector.model import SealedCommand
from connector.relay.base import Cloud
from connector.relay.memory import MemoryHub
from tests.contract.cloud import NOW, CloudContract, FarHub


class FarMemoryHub(FarHub):
    """A MemoryHub, called directly."""

    def __init__(self) -> None:
        self.hub = MemoryHub()

    def dial(self) -> Cloud:
        return self.hub.dial()

    def meetings(self, mailbox_id: str) -> set[str]:
        return set(self.hub.meetings(mailbox_id))

    def command(self, command_id: str, mailbox_id: str, jwe: str) -> None:
        self.hub.command(SealedCommand(command_id, mailbox_id, jwe, NOW))

    def close(self) -> None:
        """Nothing to take down."""


class TestMemoryHub(CloudContract):
    def make_hub(self) -> FarHub:
        return FarMemoryHub()
