"""Answers that hold one ResponseMessage per thing asked for."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import m, message, t

Asked = TypeVar("Asked")


def answer_each(
    call: Call, asked: Iterable[Asked], fill: Callable[[etree._Element, Asked], None], required: str = ""
) -> etree._Element:
    """The response element; `fill` completes the message of one thing or raises ResponseFault.

    `required` names the element the schema wants even in an error. A fault of scope "soap" passes through.
    """
    response = message(f"{call.operation}Response")
    messages = m(response, "ResponseMessages")
    for one in asked:
        messages.append(_message(call.operation, one, fill, required))
    return response


def _message(
    operation: str, one: Asked, fill: Callable[[etree._Element, Asked], None], required: str
) -> etree._Element:
    made = message(f"{operation}ResponseMessage")
    made.set("ResponseClass", "Success")
    m(made, "ResponseCode", "NoError")
    try:
        fill(made, one)
    except ResponseFault as fault:
        if fault.scope == "soap":
            raise
        return failed(f"{operation}ResponseMessage", fault, required)
    return made


def failed(name: str, fault: ResponseFault, required: str = "") -> etree._Element:
    """A ResponseMessage that carries an error."""
    made = message(name)
    made.set("ResponseClass", "Error")
    m(made, "MessageText", fault.text)
    m(made, "ResponseCode", fault.code)
    m(made, "DescriptiveLinkKey", "0")
    if fault.values:
        details = m(made, "MessageXml")
        for key, value in fault.values.items():
            t(details, "Value", value, Name=key)
    if required:
        m(made, required)
    return made


def succeeded(name: str) -> etree._Element:
    """A ResponseMessage without an error."""
    made = message(name)
    made.set("ResponseClass", "Success")
    m(made, "ResponseCode", "NoError")
    return made
