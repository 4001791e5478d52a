"""One dialled string taken apart: whose it is, and which meeting and passcode it holds."""

from __future__ import annotations

import re

from connector.meeting.joinlink.video import of_lync, service_of
from connector.model import JoinLink

_FORM = re.compile(
    r"(?:(?P<scheme>sips?|h323|tel):(?://)?)?(?P<address>[^\s;?<>]{1,255})(?:[;?].*)?",
    re.IGNORECASE | re.DOTALL,
)
_VIDEO = re.compile(
    r"(?P<user>[^@\s]{1,128})@(?P<domain>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8})(?P<port>:[0-9]{1,5})?"
)
_IN_BRACKETS = re.compile(r"<([^<>]{1,300})>\s*\Z")
_GATEWAY = re.compile(
    r"(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3})##(?P<id>[0-9]{3,20})(?:#(?P<passcode>[0-9]*))?(?:#.*)?"
)
_PHONE = re.compile(r"\+[0-9][0-9().\- ]{4,30}[0-9](?:[,;pw]+[0-9#*,]+)?#?")
_GOTO = "67.217.95.2"
_WEBEX = frozenset({"173.243.2.68", "62.109.219.4", "207.182.190.20"})
_WEBEX_ROOMS = "m.webex.com"


def dialled(text: str) -> JoinLink | None:
    """What a dialled string leads to, or None when it is nothing that can be dialled.

    Knows ``user@domain`` with or without ``sip:``, ``address##id#passcode`` of H.323 gateways, and telephone numbers.
    """
    text = (_IN_BRACKETS.search(text) or [text, text])[1].strip()
    number = text[4:] if text[:4].lower() == "tel:" else text
    if _PHONE.fullmatch(number) or (number != text and number):
        return JoinLink(f"tel:{number}", "tel", "telephone number")
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    address = form["address"]
    if gateway := _GATEWAY.fullmatch(address):
        return _gateway(address, gateway)
    if (form["scheme"] or "").lower() == "h323":
        return JoinLink(f"h323:{address}", "h323", "h323: address")
    video = _VIDEO.fullmatch(of_lync(address))
    return _video(video["user"], video["domain"].lower(), video["port"] or "") if video else None


def _gateway(address: str, found: re.Match[str]) -> JoinLink:
    ip, meeting_id, passcode = found["ip"], found["id"], found["passcode"] or None
    rule = "H.323 gateway and id"
    if ip == _GOTO:
        return JoinLink(f"h323:{address}", "gotomeeting", rule, f"{meeting_id}@{ip}", meeting_id, passcode)
    if ip in _WEBEX:
        return JoinLink(f"h323:{address}", "webex", rule, None, meeting_id, passcode)
    user = f"{meeting_id}.{passcode}" if passcode else meeting_id
    return JoinLink(f"h323:{address}", "zoom", rule, f"{user}@zoomcrc.com", meeting_id, passcode)


def _video(user: str, domain: str, port: str) -> JoinLink:
    address = f"{user}@{domain}{port}"
    service = "webex" if domain in _WEBEX else service_of(f"@{domain}")
    meeting_id, passcode = _parts(user, domain, service)
    return JoinLink(f"sip:{address}", service or "sip", "dialled address", address, meeting_id, passcode)


def _parts(user: str, domain: str, service: str | None) -> tuple[str | None, str | None]:
    """Id and passcode: Zoom ``id.passcode.layout.hostkey``, BlueJeans ``id.passcode``, Teams ``key.id`` (by way of Webex ``id.key``), else digits."""
    pieces = user.split(".")
    if service in {"zoom", "bluejeans"}:
        code = pieces[1] if len(pieces) > 1 and pieces[1].isdigit() else None
        return (pieces[0] if pieces[0].isdigit() else None), code
    if service == "teams":
        return (pieces[0] if domain == _WEBEX_ROOMS else pieces[-1]) if len(pieces) > 1 else None, None
    return (user if service and user.isdigit() else None), None
