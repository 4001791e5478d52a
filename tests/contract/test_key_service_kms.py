"""The client of a key server fulfils the contract of key services."""

from __future__ import annotations

from connector.seal.base import KeyService
from tests.contract.key_service import KeyServiceContract
from tests.unit.seal.kms_client.house import House


class TestKmsKeyService(KeyServiceContract):
    def make(self) -> KeyService:
        return House().service()
