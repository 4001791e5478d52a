"""What a secret is to Kerberos, and how things go on where the extra is not installed."""

from __future__ import annotations

import importlib.util
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import CredentialRefused
from connector.source.exchange import kerberos

KEYTAB = kerberos.KEYTAB + bytes(range(60))

without_the_extra = pytest.mark.skipif(
    importlib.util.find_spec("krb5") is not None, reason="the extra `kerberos` is installed here"
)


@pytest.mark.parametrize("secret", ["Lab-Passw0rd", "", "BQI", "QUJD", "åäö", "BQI= x"])
def test_a_password_is_no_keytab(secret: str) -> None:
    """Not even one that looks like base64."""
    assert kerberos.keytab_of(secret) is None


@given(st.binary(max_size=300), st.integers(1, 80))
def test_a_keytab_is_known_by_its_first_bytes_however_the_lines_fall(rest: bytes, width: int) -> None:
    """base64(1) breaks lines at 76, others elsewhere."""
    keytab = kerberos.KEYTAB + rest
    text = b64encode(keytab).decode()
    assert kerberos.keytab_of("\n".join(text[i : i + width] for i in range(0, len(text), width))) == keytab


@without_the_extra
def test_without_the_extra_a_password_goes_out_as_before() -> None:
    """Negotiate is NTLM then."""
    with kerberos.credential("svc@example.com", "Lab-Passw0rd") as credential:
        assert credential == ("svc@example.com", "Lab-Passw0rd")


@without_the_extra
def test_without_the_extra_a_keytab_is_refused_with_what_to_install() -> None:
    """It must never go out as a password."""
    with (
        pytest.raises(CredentialRefused, match="extra `kerberos`"),
        kerberos.credential("svc@example.com", b64encode(KEYTAB).decode()),
    ):
        pass
