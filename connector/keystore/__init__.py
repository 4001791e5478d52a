"""The keystore: credentials and local keys, sealed in one file under one master key."""

from connector.keystore.document import Entry, Secret
from connector.keystore.keystore import Keystore
from connector.keystore.master import Credential, EncryptedCredential, KeyFile, MasterKey, master_key

__all__ = [
    "Credential",
    "EncryptedCredential",
    "Entry",
    "KeyFile",
    "Keystore",
    "MasterKey",
    "Secret",
    "master_key",
]
