"""The ids by which the Exchange team finds a request in its logs, carried in our errors."""

from __future__ import annotations

import requests

from connector.errors import Verdict

REQUEST_ID = "client-request-id"
ANSWERED = ("request-id", "X-FEServer", "X-BEServer")


def trace_of(response: requests.Response) -> str:
    """What we sent and what the answer says of itself, in one line."""
    sent = response.request.headers.get(REQUEST_ID, "")
    found = [f"{name} {response.headers[name]}" for name in ANSWERED if name in response.headers]
    return ", ".join([f"{REQUEST_ID} {sent}", *found])


def traced(verdict: Verdict, trace: str) -> Verdict:
    """The same verdict with the ids in its detail; an alias's detail is an address and stays one."""
    if verdict.code != "alias-address" and trace not in verdict.detail:
        verdict.detail = f"{verdict.detail}; {trace}" if verdict.detail else trace
        verdict.args = (f"{verdict.code}: {verdict.detail}",)
    return verdict
