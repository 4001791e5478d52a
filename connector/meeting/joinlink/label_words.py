"""The words before ids and passcodes in many languages, as patterns for texts in small letters.

A pattern begins with a choice of first letters, for the engine then leaps from one possible place to the next, and has no
flag for case, which makes it several times slower.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PASSCODE_WORDS = (
    # English, German
    "pass ?-?code", "password", "passwd", "pwd",
    "kenncode", "kennwort", "passwort", "zugangscode", "sitzungspasswort",
    "meetingkennwort", "meetingpasswort", "besprechungskennwort", "besprechungspasswort",
    # French, Catalan, Spanish, Galician, Italian, Portuguese, Romanian
    "code secret", "mot de passe", "code d['’]acc[eè]s", "code d['’]identification", "codi d['’]accés", "contrasenya",
    "contraseña", "c[oó]digo de acceso", "clave(?: de acceso)?", "contrasinal",
    "codice (?:di accesso|d['’]accesso|segreto)",
    "senha(?: de acesso)?", "palavra-passe", "c[oó]digo (?:secreto|de acesso)", "parolă", "cod de acces",
    # Swedish, Danish, Norwegian, Icelandic, Dutch
    "möteslösenord", "lösenord", "lösenkod", "åtkomstkod", "adgangskode", "adgangskod", "passord", "passkode",
    "tilgangskode", "aðgangskóði", "aðgangsorð", "lykilorð", "wachtwoord(?:code)?", "toegangscode",
    # Finnish, Estonian, Latvian, Lithuanian, Hungarian, Turkish, Basque
    "salasana", "tunnuskoodi", "pääsykoodi", "kokouksen salasana", "pääsukood", "parool",
    "parole", "ieejas kods", "piekļuves kods", "slaptažodis", "prieigos kodas", "jelszó", "hozzáférési kód",
    "parola", "şifre", "geçiş kodu", "pasakodea", "pasahitza",
    # Slavic languages, Greek
    "hasło", "kod dostępu", "heslo", "přístupový kód", "prístupový kód", "geslo", "koda za dostop",
    "lozinka", "zaporka", "šifra", "pristupn[ia] (?:kod|šifra)",
    "пароль", "код доступ[ау]", "секретн(?:ый|ий) код", "парола", "код за достъп", "лозинка", "приступни код",
    "κωδικός(?: πρόσβασης)?",
    # Vietnamese, Indonesian, Malay, Hebrew, Arabic, Persian, Hindi
    "mật khẩu", "mật mã", "kata sandi", "kode sandi", "kata laluan", "kod laluan",
    "סיסמה", "קוד סודי", "קוד גישה", "كلمة المرور", "رمز المرور", "رمز عبور", "گذرواژه", "पासकोड", "पासवर्ड",
)  # fmt: skip
_PASSCODE_SIGNS = (
    "パスワード",
    "パスコード",
    "暗証番号",
    "密码",
    "密碼",
    "口令",
    "通行碼",
    "암호",
    "비밀번호",
    "รหัสผ่าน",
)
"""Of scripts that are written without blanks: they stand inside longer words."""

_ID_WORDS = (
    "meeting number", "access code", "n[uú]mero", "numéro", "nummer", r"numer\b", "номер", "[ії]дентиф[іи]катор",
    "идентификатор", "番号", "号码", "会议号", "會議號", "번호", r"tunnus\b", "identyfikator", "azonosító", "kimliği",
    "αναγνωριστικό", "מזהה", "معرف", "شناسه", "รหัสการประชุม", "आईडी", "auðkenni",
)  # fmt: skip
_LATIN = "a-zà-ɏ"
_ID = (rf"id(?<![{_LATIN}]id)a?(?![{_LATIN}])",)


def _by_first_letter(words: Iterable[str], *, behind: str = "") -> str:
    """The words as a choice of first letters; ``behind`` follows the first letter."""
    rest: dict[str, list[str]] = {}
    for word in words:
        choice, _, tail = word.partition("]") if word.startswith("[") else (word[0], "", word[1:])
        for letter in choice.lstrip("["):
            rest.setdefault(letter, []).append(tail)
    return "|".join(f"{letter}{behind}(?:{'|'.join(tails)})" for letter, tails in rest.items())


_WHOLE = _by_first_letter(_PASSCODE_WORDS, behind=r"(?<!\w.)")
PASSCODE = re.compile(f"(?:{_WHOLE}|{_by_first_letter(_PASSCODE_SIGNS)})")
MEETING_ID = re.compile(f"(?:{_by_first_letter((*_ID_WORDS, *_ID))})")
