"""The generated parts of docs/operate.md: every alarm with its remedy, every figure with its meaning.

``python -m scripts.packaging.figures`` writes them anew; a test fails when they are not what the program says.
"""

from __future__ import annotations

import re
from pathlib import Path

from connector.alarms.kinds import KINDS
from connector.metrics.figures import FIGURES, LABELLED, PREFIX

PAGE = Path("docs/operate.md")
_FACT = re.compile(r"\{([a-z_]+)\}")


def alarms() -> str:
    """One row for each kind."""
    rows = [
        f"| {one.number} | {one.severity} | {_said(one.sentence)} | {_said(one.remedy)} |" for one in KINDS
    ]
    return "\n".join(["| number | weight | what it says | what to do |", "|---|---|---|---|", *rows])


def metrics() -> str:
    """One row for each figure."""
    rows = [f"| `{PREFIX}{one.name}` | {one.help} |" for one in FIGURES]
    rows += [
        f"| `{PREFIX}{name}{{{','.join(labels)}}}` | {text} |" for name, (text, labels) in LABELLED.items()
    ]
    rows.append(f"| `{PREFIX}steps_total` | Steps of work finished. |")
    return "\n".join(["| figure | what it is |", "|---|---|", *rows])


def filled(page: str) -> str:
    """The page with its generated parts as they should be."""
    for name, text in (("alarms", alarms()), ("metrics", metrics())):
        begin, end = f"<!-- {name}: written by scripts/packaging/figures.py -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def _said(text: str) -> str:
    return _FACT.sub(lambda match: match[1].upper(), text).replace("|", "\\|") or "-"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
