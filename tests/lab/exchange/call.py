"""The seam between the lab's server and its operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from lxml import etree

if TYPE_CHECKING:  # the organisation raises ResponseFault, so it can't be imported from here
    from tests.lab.exchange.organisation import Organisation


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request: `request` is the child of soap:Body, `now` an aware UTC time.

    `acting` is the primary address of the impersonated mailbox, None for the service account itself.
    """

    operation: str
    request: etree._Element
    caller: str
    acting: str | None
    organisation: Organisation
    now: datetime


Handler = Callable[[Call], etree._Element]
"""Answers a call with the response element (such as m:GetItemResponse), or raises ResponseFault."""


class ResponseFault(Exception):
    """An error of EWS: `code` is a ResponseCodeType, `values` go into MessageXml (BackOffMilliseconds ...).

    `scope` says whether it stands in a ResponseMessage of the answer or is a SOAP fault.
    """

    def __init__(
        self,
        code: str,
        text: str,
        scope: Literal["response", "soap"] = "response",
        values: Mapping[str, str] | None = None,
    ) -> None:
        """A fault with the sentence Exchange writes beside the code."""
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.scope = scope
        self.values = dict(values or {})
