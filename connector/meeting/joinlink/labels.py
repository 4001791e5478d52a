"""Ids and passcodes that are printed in an invitation, read by their structure first and by words where that fails.

Labels are in every language and often damaged; the words here are a help, not the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PASSCODE_WORDS = (
    "passcode|pass code|password|pass-code|pwd"
    "|kenncode|kennwort|passwort|besprechungskennwort|zugangscode"
    "|code secret|mot de passe|code d['’]acc[eè]s|code d['’]identification"
    "|contraseña|c[oó]digo de acceso|clave de acceso|clave"
    "|codice di accesso|codice d['’]accesso|passcode"
    "|senha(?: de acesso)?|palavra-passe"
    "|lösenord|lösenkod|åtkomstkod|adgangskode|adgangskod|passord|passkode|tilgangskode|salasana|tunnuskoodi|pääsykoodi"
    "|wachtwoord|toegangscode|wachtwoordcode"
    "|hasło|kod dostępu|heslo|přístupový kód|prístupový kód|jelszó|parolă|cod de acces|geslo|lozinka|zaporka"
    "|пароль|код доступа|секретный код|парола|κωδικός|parola|şifre|geçiş kodu"
    "|パスワード|パスコード|密码|密碼|口令|通行碼|암호|비밀번호|mật khẩu|kata sandi|סיסמה|קוד סודי|كلمة المرور|رمز المرور"
)
_PASSCODE = re.compile(
    rf"(?<!\w)(?:{_PASSCODE_WORDS})(?P<more>[^\n:：]{{0,48}})[:：]\s{{0,6}}(?P<value>[^\s<>]{{1,64}})",
    re.IGNORECASE,
)
_OF_HOST = re.compile(r"(?:host|moderator|organi[sz]er|presenter)\W{0,2}\w{0,8}\W{0,2}\Z", re.IGNORECASE)
_PHONE = re.compile(r"phone|telefon|video|téléphone|teléfono|numeric", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s{0,3}\((?P<value>[0-9]{4,12})\b")
_GROUPED = r"[0-9](?:[ \u00a0\u2009\u202f-]?[0-9]){7,19}"
_LONG_NUMBER = re.compile(_GROUPED)
_MEETING_ID = re.compile(
    r"(?:(?<![^\W\d_])ID(?![^\W\d_])|meeting number|access code|numero|número|numéro|nummer|номер|number|番号|会议号|會議號|번호)"
    rf"[^\n:：0-9]{{0,40}}[:：#]\s{{0,6}}(?P<value>{_GROUPED})",
    re.IGNORECASE,
)
_NOT_THE_MEETING = re.compile(r"phone|telefon|téléph|teléf|vtc|video|puhelin|電話|电话", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " \u00a0\u2009\u202f-")
_NEXT_VALUE = re.compile(
    r"[^\S\n]*\n\s{0,8}[^\n:：<>@+]{1,40}[:：][^\S\n]{0,4}(?P<value>[A-Za-z0-9]{4,16})[^\S\n]*(?=\n|\Z)"
)
_LINE_OF_ROOM = re.compile(
    rf"[^\S\n]*(?:\n\s{{0,12}})?[^\n:：<>@0-9]{{0,48}}[:：]\s{{0,6}}(?P<value>{_GROUPED})"
)
_TRIMMED = ".,;:*'\"’”)"


@dataclass(frozen=True, slots=True)
class Printed:
    """What the words beside a link say. ``digits`` is the first passcode that a device can dial."""

    meeting_id: str | None = None
    passcode: str | None = None
    digits: str | None = None


def printed(text: str, meeting_id: str | None) -> Printed:
    """Read the stretch of text that belongs to one meeting, whose id is known from its link or not."""
    passcodes = list(_passcodes(text))
    plain = [value for value, by_phone in passcodes if not by_phone] or [value for value, _ in passcodes]
    if not plain and meeting_id and (value := _below_the_id(text, meeting_id)):
        plain = [value]
    numbers = [value for value, _ in passcodes if value.isdigit()]
    if not numbers and plain and plain[0].isdigit():
        numbers = plain[:1]
    return Printed(_meeting_id(text), plain[0] if plain else None, numbers[0] if numbers else None)


def _passcodes(text: str) -> Iterator[tuple[str, bool]]:
    """Values labelled as passcode, and whether the label says it is the one for telephones and devices."""
    for found in _PASSCODE.finditer(text):
        value = found["value"].strip(_TRIMMED).lstrip("*(")
        if not value or "://" in value or "@" in value or _not_a_passcode(text, found):
            continue
        yield value, bool(_PHONE.search(found["more"]))
        if other := _IN_BRACKETS.match(text, found.end()):
            yield other["value"], True


def _not_a_passcode(text: str, found: re.Match[str]) -> bool:
    """The host's own code, or the meeting's number under a label that has "access code" in it."""
    if _OF_HOST.search(text, max(0, found.start() - 24), found.start()):
        return True
    number = _LONG_NUMBER.match(text, found.start("value"))
    return number is not None and not number[0].isdigit()


def _meeting_id(text: str) -> str | None:
    for found in _MEETING_ID.finditer(text):
        line = text.rfind("\n", max(0, found.start() - 24), found.start()) + 1
        if not _NOT_THE_MEETING.search(text, line or max(0, found.start() - 24), found.start("value")):
            return found["value"].translate(_SEPARATORS)
    return None


def _below_the_id(text: str, meeting_id: str) -> str | None:
    """The value on the line below the one that ends in the link's own id: labels may be in any language or broken."""
    if not meeting_id.isdigit():
        return None
    digits = re.compile(r"[ \u00a0\u2009\u202f-]?".join(meeting_id) + r"(?![0-9])")
    for found in digits.finditer(text):
        below = _NEXT_VALUE.match(text, found.end())
        if below and _looks_like_a_code(below["value"]):
            return below["value"]
    return None


def _looks_like_a_code(value: str) -> bool:
    return any(letter.isdigit() for letter in value) or (not value.islower() and not value.istitle())


def room_number(text: str, position: int) -> str | None:
    """The grouped digits with a label right behind a video address: the conference id a voice menu asks for."""
    found = _LINE_OF_ROOM.match(text, position)
    return found["value"].translate(_SEPARATORS) if found else None
