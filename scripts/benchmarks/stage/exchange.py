"""An Exchange of thousands of mailboxes that are all alike, quick enough not to be what is measured.

``python -m scripts.benchmarks.stage.exchange CERTIFICATE [--think SECONDS] [--most REQUESTS] [--hour SECONDS]`` prints its port and
serves until standard input ends. More than ``--most`` requests in flight are answered ErrorServerBusy, as the default throttling policy
does; streams end after their time, an hour being as long as ``--hour`` says.
Under ``/bench/`` it is told of changes and tells what it was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.logon import Logon
from scripts.benchmarks.stage.streams import Streams
from scripts.benchmarks.stage.wire import Connection, many_files, serve

_TARGET = re.compile(rb"^\w+ ([^ ?]+)")
_OPERATION = re.compile(rb"Body[^>]*>\s*<(?:\w+:)?(\w+)")
_ACTING = re.compile(rb"SmtpAddress>([^<]+)<")
_STATE = re.compile(rb"SyncState>[^<]*\.(\d+)<")
_VIEW = re.compile(rb'StartDate="([^"]+)"')
_VIEW_END = re.compile(rb'EndDate="([^"]+)"')
_WANTED = re.compile(rb'<t:(ItemId|RecurringMasterItemId)[^>]*?(?:OccurrenceId|Id)="(i[^"]+)"')
_RECIPIENT = re.compile(rb"EmailAddress>")
_USER = re.compile(rb"<(?:\w+:)?Mailbox>([^<]+)</")
COOKIE = b"Set-Cookie: X-BackEndOverrideCookie=bench~1; path=/; secure; HttpOnly\r\nX-FEServer: BENCH01\r\n"

Answer = Callable[[int, bytes], bytes]


class Exchange:
    """What is asked over EWS and Autodiscover, answered from prepared bytes."""

    def __init__(self, *, think: float, most: int, hour: float) -> None:
        self._think = think
        self._most = most
        self._book = answers.Book()
        self._changes: dict[int, list[int]] = {}
        self._streams = Streams(hour)
        self._counts: Counter[str] = Counter()
        self._in_flight = 0
        self._logon = Logon()
        self._answers: dict[bytes, Answer] = {
            b"SyncFolderItems": self._sync,
            b"GetItem": self._items,
            b"FindItem": self._view,
            b"Subscribe": self._subscribe,
            b"Unsubscribe": lambda *_: answers.one(b"Unsubscribe", b""),
            b"GetUserOofSettingsRequest": lambda *_: _PRESENT,
            b"GetMailTips": _tips,
            b"GetServiceConfiguration": lambda *_: _LIMITS,
            b"GetFolder": lambda *_: _FOLDER,
            b"ConvertId": lambda *_: _CONVERTED,
            b"GetUserSettingsRequestMessage": _settings,
        }
        self._orders: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "/bench/change": self._change,
            "/bench/figures": self._figures,
            "/bench/restart": self._restart,
        }

    def take(self, connection: Connection, head: bytes, body: bytes) -> None:
        """One request."""
        found = _TARGET.match(head)
        path = found[1].decode() if found else ""
        if path in self._orders:
            given = json.loads(body) if body else {}
            connection.answer(json.dumps(self._orders[path](given)).encode(), b"application/json")
            return
        if not self._logon.admits(connection, head):
            return
        asked = _OPERATION.search(body)
        operation = asked[1] if asked else b""
        self._counts["bytes in"] += len(head) + len(body)
        if operation == b"GetStreamingEvents":
            self._counts["GetStreamingEvents"] += 1
            self._streams.open(connection, body)
        elif operation in self._answers:
            self._answer_in_time(connection, operation, body)
        else:
            self._counts["unknown"] += 1
            connection.refuse(b"400 Bad Request")

    def left(self, connection: Connection) -> None:
        """A connection has ended."""
        self._streams.left(connection)

    def _answer_in_time(self, connection: Connection, operation: bytes, body: bytes) -> None:
        self._counts[operation.decode()] += 1
        self._in_flight += 1
        self._counts["most in flight"] = max(self._counts["most in flight"], self._in_flight)
        if self._in_flight > self._most:
            self._counts["ErrorServerBusy"] += 1
            self._done(connection, _BUSY)
            return
        acting = _ACTING.search(body)
        answer = self._answers[operation](people.number_of(acting[1]) if acting else -1, body)
        if self._think:
            asyncio.get_running_loop().call_later(self._think, self._done, connection, answer)
        else:
            self._done(connection, answer)

    def _done(self, connection: Connection, answer: bytes) -> None:
        self._in_flight -= 1
        self._counts["bytes out"] += len(answer)
        connection.answer(answer, headers=COOKIE)

    # --- operations

    def _sync(self, number: int, body: bytes) -> bytes:
        changes = self._changes.get(number, [])
        found = _STATE.search(body)
        since = int(found[1]) if found else None
        self._counts["feeds from the beginning"] += since is None
        changed = self._book.keys if since is None else sorted(set(changes[since:]))
        return self._book.feed(number, changed, len(changes))

    def _items(self, number: int, body: bytes) -> bytes:
        version = len(self._changes.get(number, ()))
        parts = []
        for kind, wanted in _WANTED.findall(body):
            key = int(wanted.split(b".")[1])
            if kind != b"ItemId":
                key = answers.master_of(key)
            content = self._book.content(number, key, version)
            parts.append(answers.message(b"GetItem", b"<m:Items>%b</m:Items>" % content))
        return answers.response(b"GetItem", b"".join(parts))

    def _view(self, number: int, body: bytes) -> bytes:
        start, end = _VIEW.search(body), _VIEW_END.search(body)
        if start is None or end is None:
            raise ValueError("a FindItem without a view")
        return self._book.view(number, start[1].decode(), end[1].decode())

    def _subscribe(self, number: int, _body: bytes) -> bytes:
        inside = b"<m:SubscriptionId>%b</m:SubscriptionId>"
        return answers.one(b"Subscribe", inside % self._streams.new_id(number))

    # --- what the bench says

    def _change(self, order: dict[str, Any]) -> dict[str, Any]:
        """Change one item of each of these mailboxes now; ``events`` notifications each, ``key`` says which item."""
        at = time.monotonic_ns()
        for number in order["numbers"]:
            self._changes.setdefault(number, []).append(int(order.get("key", number % answers.SINGLES)))
            self._streams.tell(number, int(order.get("events", 1)))
        return {"at": at}

    def _figures(self, order: dict[str, Any]) -> dict[str, Any]:
        """What was asked since the last look, CPU seconds, and who is heard."""
        counts = dict(self._counts)
        if order.get("reset", True):
            self._counts.clear()
        streams = {"streams": len(self._streams.connections), "heard": self._streams.heard}
        return {"counts": counts, "cpu": time.process_time(), **streams}

    def _restart(self, order: dict[str, Any]) -> dict[str, Any]:
        """Every stream ends, and every subscription with it unless they are to be kept."""
        self._streams.end(forget=not order.get("keep", False))
        return {}


_BUSY = (
    answers.OPEN
    + b"<s:Fault xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><faultcode>s:Server</faultcode>"
    b"<faultstring>busy</faultstring><detail><e:ResponseCode"
    b' xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorServerBusy</e:ResponseCode>'
    b"<t:MessageXml><t:Value Name='BackOffMilliseconds'>1000</t:Value></t:MessageXml></detail></s:Fault>"
    + answers.CLOSE
)
_PRESENT = (
    answers.OPEN + b'<m:GetUserOofSettingsResponse><m:ResponseMessage ResponseClass="Success">'
    b"<m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage><t:OofSettings><t:OofState>Disabled</t:OofState>"
    b"<t:ExternalAudience>None</t:ExternalAudience></t:OofSettings></m:GetUserOofSettingsResponse>"
    + answers.CLOSE
)
_LIMITS = (
    answers.OPEN
    + b'<m:GetServiceConfigurationResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
    b"<m:ResponseMessages><m:ServiceConfigurationResponseMessageType "
    + answers.SUCCESS
    + b"<m:MailTipsConfiguration><t:MailTipsEnabled>true</t:MailTipsEnabled>"
    b"<t:MaxRecipientsPerGetMailTipsRequest>50</t:MaxRecipientsPerGetMailTipsRequest></m:MailTipsConfiguration>"
    b"</m:ServiceConfigurationResponseMessageType></m:ResponseMessages></m:GetServiceConfigurationResponse>"
    + answers.CLOSE
)
_TIP = (
    b"<m:MailTipsResponseMessageType "
    + answers.SUCCESS
    + b"<m:MailTips><t:RecipientAddress><t:EmailAddress>u@"
    b"bench.example.com</t:EmailAddress></t:RecipientAddress><t:PendingMailTips/><t:OutOfOffice><t:ReplyBody>"
    b"<t:Message/></t:ReplyBody></t:OutOfOffice></m:MailTips></m:MailTipsResponseMessageType>"
)
_FOLDER = answers.one(
    b"GetFolder",
    b'<m:Folders><t:CalendarFolder><t:FolderId Id="AAMkcal" ChangeKey="AgAAABYA"/></t:CalendarFolder></m:Folders>',
)
_CONVERTED = answers.one(
    b"ConvertId", b'<m:AlternateId Format="EntryId" Id="AAAA" Mailbox="u@bench.example.com"/>'
)


def _tips(_number: int, body: bytes) -> bytes:
    recipients = (
        len(_RECIPIENT.findall(body)) // 2 - 1
    )  # an opening and a closing tag each; the first is the sender's
    head = b'<m:GetMailTipsResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ResponseMessages>'
    return b"%b%b%b</m:ResponseMessages></m:GetMailTipsResponse>%b" % (
        answers.OPEN,
        head,
        _TIP * recipients,
        answers.CLOSE,
    )


def _settings(_number: int, body: bytes) -> bytes:
    """GetUserSettings of Autodiscover (MS-OXWSADISC)."""
    users = b"".join(map(_user, _USER.findall(body)))
    return (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        b'<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response>'
        b"<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>%b</UserResponses></Response>"
        b"</GetUserSettingsResponseMessage></s:Body></s:Envelope>" % users
    )


def _user(address: bytes) -> bytes:
    number = people.number_of(address)
    values = {
        "ExternalEwsUrl": people.ENDPOINT,
        "GroupingInformation": people.site(number),
        "AutoDiscoverSMTPAddress": address.decode(),
        "UserDN": f"/o=Bench/ou=First/cn=Recipients/cn={number:05d}",
        "EwsSupportedSchemas": "Exchange2013_SP1, Exchange2015, Exchange2016",
    }
    settings = "".join(
        f"<UserSetting><Name>{name}</Name><Value>{value}</Value></UserSetting>"
        for name, value in values.items()
    )
    form = "<UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserSettings>{}</UserSettings></UserResponse>"
    return form.format(settings).encode()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("certificate", type=Path)
    parser.add_argument("--think", type=float, default=0.0)
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--hour", type=float, default=3600.0)
    given = parser.parse_args()
    many_files()
    exchange = Exchange(think=given.think, most=given.most, hour=given.hour)
    serve(partial(Exchange.take, exchange), exchange.left, given.certificate)


if __name__ == "__main__":
    main()
