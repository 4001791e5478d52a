"""What a secret of a Google source holds: a service account's key file, or a configuration of workload identity federation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google.auth import exceptions, jwt
from google.auth.crypt import RSASigner

from connector.errors import CredentialRefused

Claims = Mapping[str, Any]
_KEY_FIELDS = ("client_email", "private_key", "private_key_id")
_FEDERATED_FIELDS = ("audience", "subject_token_type")
_ACCOUNTS = "/serviceAccounts/"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A service account with one of its keys; it signs by itself."""

    email: str
    key_id: str
    signer: Any = field(repr=False)

    def sign(self, claims: Claims) -> str:
        """A JWT, RS256."""
        signed: bytes = jwt.encode(self.signer, claims)  # type: ignore[no-untyped-call]
        return signed.decode()


@dataclass(frozen=True, slots=True)
class Federation:
    """Somebody else's token, kept fresh in a file, stands for the service account: an external account (AIP-4117).

    ``audience`` names the pool's provider; ``member`` is where a JSON file has the token, "" for a file that is nothing but
    the token.
    """

    email: str
    audience: str
    token_type: str
    path: Path
    member: str = ""


def read(content: str) -> KeyFile | Federation:
    """What a secret is. Raises CredentialRefused with a code that says what is wrong with it."""
    if not content:
        raise CredentialRefused("credential-missing")
    try:
        info = json.loads(content)
    except ValueError as error:
        raise CredentialRefused("google-key-unreadable", "no JSON") from error
    kind = info.get("type") if isinstance(info, Mapping) else None
    if kind == "external_account":
        return _federation(info)
    if kind != "service_account":
        raise CredentialRefused("google-key-unreadable", "not of the type service_account")
    return _key_file(info)


def _key_file(info: Mapping[str, Any]) -> KeyFile:
    if missing := _missing(info, _KEY_FIELDS):
        raise CredentialRefused("google-key-unreadable", f"without {missing}")
    try:
        signer = RSASigner.from_service_account_info(info)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, exceptions.MalformedError) as error:
        raise CredentialRefused(
            "google-key-unreadable", f"its private key: {type(error).__name__}"
        ) from error
    return KeyFile(info["client_email"], info["private_key_id"], signer)


def _federation(info: Mapping[str, Any]) -> Federation:
    """Addresses in it are not followed: whoever could change them would be handed the tokens (Google's warning on such files)."""
    if missing := _missing(info, _FEDERATED_FIELDS):
        raise CredentialRefused("google-federation-unreadable", f"without {missing}")
    source = info.get("credential_source")
    source = source if isinstance(source, Mapping) else {}
    path = source.get("file")
    if not isinstance(path, str) or not path.startswith("/"):
        raise CredentialRefused("google-federation-unreadable", "its credential_source names no file")
    path_of_account = urlsplit(str(info.get("service_account_impersonation_url", ""))).path
    email = path_of_account.rpartition(_ACCOUNTS)[2].partition(":")[0]
    if _ACCOUNTS not in path_of_account or "@" not in email:
        raise CredentialRefused("google-federation-unreadable", "it names no service account")
    return Federation(email, info["audience"], info["subject_token_type"], Path(path), _member(source))


def _member(source: Mapping[str, Any]) -> str:
    form = source.get("format")
    if not isinstance(form, Mapping) or form.get("type") != "json":
        return ""
    return str(form.get("subject_token_field_name") or "access_token")


def _missing(info: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return ", ".join(name for name in names if not isinstance(info.get(name), str))
