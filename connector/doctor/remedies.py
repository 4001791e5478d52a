"""From a verdict of Exchange to a finding with the exact lines that mend it. Pure."""

from __future__ import annotations

from collections.abc import Callable

from connector.doctor import shell
from connector.doctor.base import Organisation
from connector.doctor.findings import Finding, failed
from connector.errors import Verdict
from connector.reasons import explain

LOGON = frozenset(
    {
        "credential-refused",
        "credential-missing",
        "front-end-refuses",
        "logon-limit",
        "channel-binding",
        "no-challenge",
        "auth-not-offered",
        "tls-needed",
    }
)
"""Codes after which nothing more is asked of the organisation: a second logon could be a second failed one."""

BUSY = frozenset({"busy", "own-limit"})
"""Codes after which the server is left alone."""


def ends_the_visit(verdict: Verdict) -> bool:
    """Whether asking on would cost a logon, or load a server that asked for patience."""
    return verdict.code in LOGON | BUSY


def logon(organisation: Organisation, verdict: Verdict, *, before: bool) -> Finding:
    """The logon failed; ``before`` tells that this password was refused earlier and not tried now."""
    sentence, advice, paste = _LOGONS.get(verdict.code, _any_logon)(organisation, verdict)
    if before and verdict.code == "credential-refused":
        sentence = f"this password of {organisation.user} was refused before and was not tried again"
    return failed("authentication", organisation.name, verdict.code, sentence, advice, *paste)


Words = tuple[str, str, shell.Lines]


def _refused(organisation: Organisation, verdict: Verdict) -> Words:
    sentence = f"Exchange refuses {organisation.user} ({verdict.detail}); no second logon was tried"
    advice = (
        "The first line tells whether the account is locked, disabled or expired. If it is none of these, type the password anew;"
        " if that is right too, Extended Protection sees another certificate than ours: a TLS bridge in between has to use Exchange's own."
    )
    return (
        sentence,
        advice,
        (*shell.account(organisation.user), _secret(organisation), *shell.extended_protection()),
    )


def _missing(organisation: Organisation, _: Verdict) -> Words:
    return f"there is no password for {organisation.user} yet", "Type it.", (_secret(organisation),)


def _one_refuses(_: Organisation, verdict: Verdict) -> Words:
    sentence = f"one server refuses what another accepts ({verdict.detail}): the password is right"
    advice = "Compare Extended Protection and clock of that server with the others, and what stands in front of it."
    return sentence, advice, (*shell.extended_protection(), *shell.clock())


def _not_offered(organisation: Organisation, verdict: Verdict) -> Words:
    sentence = f"{verdict.detail}; the configuration says `auth: {organisation.auth}`"
    return sentence, "Set `auth:` to a kind the server offers, or have it offer this one.", shell.schemes()


def _any_logon(_: Organisation, verdict: Verdict) -> Words:
    reason = explain(verdict.code)
    return f"{reason.sentence} ({verdict.detail})", reason.remedy, ()


_LOGONS: dict[str, Callable[[Organisation, Verdict], Words]] = {
    "credential-refused": _refused,
    "credential-missing": _missing,
    "front-end-refuses": _one_refuses,
    "auth-not-offered": _not_offered,
    "no-challenge": _not_offered,
}


def _secret(organisation: Organisation) -> str:
    return f"calendar-connector secret set {organisation.secret}"


def mailbox(organisation: Organisation, check: str, address: str, verdict: Verdict) -> Finding:
    """One mailbox can't be served."""
    sentence, advice, paste = _MAILBOXES.get(verdict.code, _any)(organisation, address, verdict)
    return failed(check, address, verdict.code, sentence, advice, *paste)


def _any(organisation: Organisation, address: str, verdict: Verdict) -> Words:
    reason = explain(verdict.code)
    remedy = reason.remedy.replace("{address}", address).replace("{source}", organisation.name)
    return f"{reason.sentence} ({verdict.detail or verdict.code})", remedy, ()


def _moved(_: Organisation, address: str, __: Verdict) -> Words:
    lines = (
        f"Get-RemoteMailbox {shell.quoted(address)} | Format-List RemoteRoutingAddress",
        f"calendar-connector mailbox deactivate {address}",
    )
    advice = "This connector does not reach it there: deactivate it here, and use the cloud's own connector."
    return "the mailbox has moved to Exchange Online", advice, lines


def _alias(_: Organisation, address: str, verdict: Verdict) -> Words:
    primary = verdict.detail if "@" in verdict.detail else "<PRIMARY ADDRESS>"
    sentence = f"it is an alias; the primary address is {primary}"
    lines = (f"calendar-connector mailbox rename {address} {primary}", *shell.recipient(address))
    return sentence, "Use the primary address here.", lines


def _disabled(_: Organisation, address: str, __: Verdict) -> Words:
    advice = "Enable it again, or deactivate it here."
    return (
        "the mailbox or its account is disabled",
        advice,
        (
            *shell.mailbox(address),
            f"calendar-connector mailbox deactivate {address}",
        ),
    )


def _unknown(_: Organisation, address: str, __: Verdict) -> Words:
    return (
        "the mail system knows no such address",
        "Check the spelling, and whether it still exists.",
        shell.recipient(address),
    )


def _forbidden(_: Organisation, address: str, verdict: Verdict) -> Words:
    sentence = f"Exchange Web Services are forbidden here ({verdict.detail})"
    lines = (
        *shell.web_services_allowed(address),
        f"Set-CASMailbox {shell.quoted(address)} -EwsEnabled $true",
    )
    return sentence, "Allow them for this mailbox, or put this program on the allow list.", lines


def _no_calendar(_: Organisation, address: str, __: Verdict) -> Words:
    return (
        "it has no calendar folder that can be read",
        "See what the folder is.",
        shell.calendar_folder(address),
    )


def _moving(_: Organisation, address: str, verdict: Verdict) -> Words:
    sentence = f"the mailbox is being moved or its database is away ({verdict.detail})"
    return sentence, "Wait for the move to end; it is found again by itself.", shell.moving(address)


_MAILBOXES: dict[str, Callable[[Organisation, str, Verdict], Words]] = {
    "moved-to-exchange-online": _moved,
    "alias-address": _alias,
    "mailbox-disabled": _disabled,
    "address-unknown": _unknown,
    "ews-forbidden": _forbidden,
    "no-calendar": _no_calendar,
    "mailbox-moving": _moving,
    "mailbox-unavailable": _moving,
}


def server(name: str, host: str, verdict: Verdict) -> Finding:
    """An EWS address does not answer as EWS does."""
    reason = explain(verdict.code)
    sentence = f"{reason.sentence} ({verdict.detail})"
    advice = "Whatever answers there is not Exchange's web services, or they are not well: see the lines, and what stands in front."
    return failed(
        "version", name, verdict.code, sentence, advice, *shell.published_names(), *shell.web_services(host)
    )


def knows(code: str) -> bool:
    """Whether there are lines for this code of a mailbox."""
    return code in _MAILBOXES


def autodiscover(organisation: Organisation, domain: str, verdict: Verdict) -> Finding:
    """Autodiscover gives no answer for a mail domain."""
    lines: shell.Lines = shell.published_names()
    sentence, advice, _ = _any(organisation, "", verdict)
    if verdict.code == "redirect-not-trusted":
        host = verdict.detail.rpartition(" ")[2]
        sentence = f"{verdict.detail}, which is not on the trust list"
        advice = "If that is yours, trust it; if it is not, find out who answers for Autodiscover."
        lines = (f"calendar-connector source redirects {organisation.name} --allow {host}", *lines)
    return failed("autodiscover", domain, verdict.code, sentence, advice, *lines)


def throttled(organisation: Organisation, sentence: str) -> Finding:
    """The server asks for patience."""
    advice = (
        "Usually the default policy is enough: see first who else uses this account and how much `limits: requests` allows."
        " Give the account a policy of its own if it has none."
    )
    return failed(
        "throttling", organisation.name, "throttled", sentence, advice, *shell.throttling(organisation.user)
    )


def over_budget(verdict: Verdict) -> bool:
    """Whether a count of the mailbox's is used up (ErrorExceededSubscriptionCount, ErrorExceededConnectionCount)."""
    return verdict.detail.startswith("ErrorExceeded")


def streaming(organisation: Organisation, address: str, verdict: Verdict) -> Finding:
    """No event would arrive."""
    sentence = f"no stream ({verdict.detail or verdict.code}); mailboxes are polled meanwhile"
    if over_budget(verdict) or verdict.code in BUSY:
        advice = "The mailbox's budget of subscriptions or open streams is used up: see who else holds them."
        return failed(
            "streaming", address, "streaming-budget", sentence, advice, *shell.throttling(organisation.user)
        )
    if verdict.code in {"timeout", "bad-answer", "unreachable"}:
        advice = (
            "Something in between holds the answer back or cuts it: it has to pass on chunks as they come, and to leave a connection"
            " alone for two minutes of silence. Until then write `stream: off`."
        )
        return failed("streaming", address, "streaming-cut", sentence, advice)
    return failed(
        "streaming", address, "streaming-refused", sentence, "Exchange's log tells more by these ids."
    )
