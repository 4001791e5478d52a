"""The ids by which the Exchange team finds a request in its logs, carried in our errors."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import Verdict

REQUEST_ID = "client-request-id"
ANSWERED = ("request-id", "X-FEServer", "X-BEServer")


def trace_of(sent: Mapping[str, str], answered: Mapping[str, str]) -> str:
    """What the header fields of a request and of its answer say of it, in one line."""
    found = [f"{name} {answered[name]}" for name in ANSWERED if name in answered]
    return ", ".join([f"{REQUEST_ID} {sent.get(REQUEST_ID, '')}", *found])


def traced(verdict: Verdict, trace: str) -> Verdict:
    """The same verdict with the ids in its detail; an alias's detail is an address and stays one."""
    if verdict.code != "alias-address" and trace not in verdict.detail:
        verdict.detail = f"{verdict.detail}; {trace}" if verdict.detail else trace
        verdict.args = (f"{verdict.code}: {verdict.detail}",)
    return verdict
