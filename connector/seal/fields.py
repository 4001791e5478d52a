"""One field, one ciphertext, bound to its place by ``ctx`` in the protected header. Pure."""

from __future__ import annotations

from connector.model import ContentKey
from connector.seal import jwe

LEAST_BUCKET = 32
STEP = 4096


def place(mailbox_id: str, thing: str, path: str, revision: int) -> str:
    """The ctx of a field: ``<mailbox id>/<meeting id>/<field path>/<revision>``."""
    return f"{mailbox_id}/{thing}/{path}/{revision}"


def seal_field(text: str, key: ContentKey, ctx: str, *, padded: bool = False) -> str:
    """A compact JWE of the text. ``padded`` hides its length among those of its bucket."""
    clear = pad(text) if padded else text.encode("utf-8", "replace")
    return jwe.encrypt(clear, key.secret, {"kid": key.uri, "ctx": ctx})


def open_field(token: str, key: ContentKey, ctx: str, *, padded: bool = False) -> str:
    """The text. Raises Refused ``seal-broken`` when it was altered, moved to another place, or is under another key.

    Libraries don't compare ``kid`` for a direct key, so it is done here.
    """
    header, clear = jwe.decrypt(token, key.secret)
    if header.get("kid") != key.uri or header.get("ctx") != ctx:
        raise jwe.broken("sealed for another place or under another key")
    try:
        text = clear.decode("utf-8")
    except UnicodeDecodeError as error:
        raise jwe.broken("not UTF-8") from error
    return text.rstrip(" ") if padded else text


def pad(text: str) -> bytes:
    """The text's UTF-8 with trailing spaces up to its bucket; spaces that it ended with before are lost on opening."""
    clear = text.encode("utf-8", "replace").rstrip(b" ")
    return clear.ljust(bucket(len(clear)))


def bucket(length: int) -> int:
    """Bytes that a text of ``length`` bytes is padded to: powers of two from 32 to 4,096, then steps of 4,096."""
    if length > STEP:
        return -(-length // STEP) * STEP
    return max(LEAST_BUCKET, 1 << (length - 1).bit_length()) if length else LEAST_BUCKET
