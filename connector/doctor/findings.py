"""What a check found: a mark, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Mark(StrEnum):
    """How a check came out; what could not be looked at is skipped, with its reason."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    ``check`` names the check, ``subject`` what was looked at. ``advice`` says what to do in a sentence, ``paste`` are the lines
    to paste: of the Exchange Management Shell, or of this machine. A finding that passes may carry advice too, a
    certificate that ends soon for instance. ``code`` is a word that stays the same whatever the sentence becomes.
    """

    check: str
    subject: str
    mark: Mark
    sentence: str
    advice: str = ""
    paste: tuple[str, ...] = ()
    code: str = ""

    def plain(self) -> dict[str, Any]:
        """For the socket and --json."""
        return asdict(self) | {"mark": self.mark.value, "paste": list(self.paste)}


def passed(check: str, subject: str, sentence: str, advice: str = "", *paste: str) -> Finding:
    """All is well."""
    return Finding(check, subject, Mark.PASS, sentence, advice, paste)


def failed(check: str, subject: str, code: str, sentence: str, advice: str = "", *paste: str) -> Finding:
    """Something is wrong."""
    return Finding(check, subject, Mark.FAIL, sentence, advice, paste, code)


def skipped(check: str, subject: str, sentence: str, advice: str = "", *paste: str) -> Finding:
    """It could not be looked at."""
    return Finding(check, subject, Mark.SKIP, sentence, advice, paste)


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed."""
    return all(finding.mark is not Mark.FAIL for finding in findings)
