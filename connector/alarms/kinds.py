"""Every kind of alarm: number, weight, sentence, remedy, and the MESSAGE_ID under which the journal has it.

Numbers and MESSAGE_IDs are promises to monitoring and never change their meaning; a kind no longer used leaves a gap.
1xx accounts and certificates, 2xx sources and mailboxes, 3xx the hub, 4xx what is kept here, 5xx writing and
configuration, 6xx the machine. ``{name}`` in a sentence or remedy is filled in from the facts of the alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from connector.errors import NotFound


class Severity(StrEnum):
    """How bad it is, in the words of the journal's priorities."""

    CRITICAL = "critical"
    """Calendars are not kept up to date."""

    ERROR = "error"
    """A part does not work, or soon nothing will."""

    WARNING = "warning"
    """Somebody should look at it within days."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of alarm. What lasts shorter than ``after`` raises none."""

    number: int
    name: str
    severity: Severity
    sentence: str
    remedy: str
    message_id: str
    after: timedelta = timedelta()


CREDENTIAL_REFUSED = Kind(
    101,
    "credential-refused",
    Severity.CRITICAL,
    "The password of {account} is not accepted by {source}; it is not tried again.",
    "Have the account's administrator type the new password: calendar-connector secret set {secret}",
    "94b69c44fdb64cf69b8b9d91c4ccd23f",
)
CREDENTIAL_MISSING = Kind(
    102,
    "credential-missing",
    Severity.CRITICAL,
    "The secret {secret} has never been set.",
    "Have the one who knows it type it: calendar-connector secret set {secret}",
    "4cdf9377a5864228bc18e94cc7e6503e",
)
CERTIFICATE_EXPIRES = Kind(
    103,
    "certificate-expires",
    Severity.WARNING,
    "The certificate {certificate} expires on {date}.",
    "Renew it before that day; alarms.expiry_warning says how early this alarm comes.",
    "2aa83d46ba9947878e12e0ce2b03eee3",
)
ACCOUNT_TAKEN_OVER = Kind(
    104,
    "account-taken-over",
    Severity.ERROR,
    "The password of {account} is not accepted by {source}; {stand_in} is used in its place.",
    "Have the account's administrator type the new password: calendar-connector secret set {secret}",
    "0a555fecd7b34d69a76f54688c74e39a",
)
KEY_NOT_RENEWED = Kind(
    105,
    "key-not-renewed",
    Severity.WARNING,
    "The key for the hub is {days} days old and could not be renewed.",
    "See why in the journal; or enrol anew: calendar-connector enroll",
    "04c66a3b3ae34db484dc8a90ce7fafff",
)
SOURCE_NOT_SET_UP = Kind(
    106,
    "source-not-set-up",
    Severity.CRITICAL,
    "{source} refuses the connector for everybody: {reason}",
    "{remedy}",
    "28a72a5e6c564c80a04b3b5940a67414",
)
PASSWORD_EXPIRES = Kind(
    107,
    "password-expires",
    Severity.WARNING,
    "The password of {account} expires on {date}.",
    "Have the account's administrator give it a new one, then type it: calendar-connector secret set {secret}",
    "91729983f9d44fe5b3ef7c5661895d44",
)
SIGN_IN_ENDS = Kind(
    108,
    "sign-in-ends",
    Severity.ERROR,
    "The sign-in of {conference} under conference: can't be used any more, or not for long: {reason}",
    "Sign in anew as docs/conferences.md says, then type what it gives: calendar-connector secret set {secret}",
    "5f0c7f1c0a0e4d53b1e2c4f86d3a97be",
)
SOURCE_UNREACHABLE = Kind(
    201,
    "source-unreachable",
    Severity.CRITICAL,
    "The calendar system {source} can't be reached ({cause}).",
    "Nothing is lost: it is caught up on later. To find out why: calendar-connector doctor --source {source}",
    "92a2f2fd57994fb5859a3442192644c1",
    after=timedelta(minutes=5),
)
STREAM_LOST = Kind(
    202,
    "stream-coverage-lost",
    Severity.WARNING,
    "Changes of these mailboxes of {source} are not heard of at once ({cause}); they are polled.",
    "To see which servers are concerned: calendar-connector source show {source}",
    "de935e9f63f04932b928d97b04f4cccf",
    after=timedelta(minutes=10),
)
MAILBOXES_BLOCKED = Kind(
    203,
    "mailboxes-blocked",
    Severity.ERROR,
    "Mailboxes are not read any more: {reason}",
    "{remedy}",
    "f1b2bb6f21e74b369c703b6313c7381c",
)
QUARANTINE_GROWS = Kind(
    204,
    "quarantine-grows",
    Severity.WARNING,
    "{items} items can't be read and are left out.",
    "To see them: calendar-connector mailbox show ADDRESS; a damaged item is mended by saving or deleting it.",
    "8593accfdf5f4f769978ef79a42f2238",
)
SERVER_DIFFERS = Kind(
    205,
    "server-differs",
    Severity.WARNING,
    "The server {server} of {source} answers otherwise than its neighbours: {reason}",
    "Compare its authentication settings and certificate with those of the others.",
    "a64b71491c7f42cfa902549a8479a9ec",
)
MAILBOXES_LATE = Kind(
    206,
    "mailboxes-late",
    Severity.ERROR,
    "Mailboxes have not been brought up to date for more than five minutes: {reason}",
    "Nothing is lost: each is tried again. To see one: calendar-connector mailbox show ADDRESS",
    "df10921147714ff28e37315ceaa75ae1",
)
NOTIFICATION_STORM = Kind(
    207,
    "notification-storm",
    Severity.WARNING,
    "Calendars of {source} change without end; these mailboxes are looked at once a minute only.",
    "Find out which program keeps changing them; two that correct each other are the usual cause.",
    "f34482b95d7e49bb90d4df0f7ee881ea",
)
CANARY_SILENT = Kind(
    208,
    "canary-silent",
    Severity.ERROR,
    "Nothing has changed in the canary {canary} for more than an hour, although something should every few minutes.",
    "See whether whatever changes it still runs; if it does, changes do not arrive: calendar-connector doctor {canary}",
    "8385efc504094f5586f1dda9942d3cd3",
)
SOURCE_SILENT = Kind(
    209,
    "source-silent",
    Severity.ERROR,
    "Nothing has changed in {mailboxes} mailboxes of {source} for a whole working hour.",
    "If this is no holiday, changes do not arrive: calendar-connector doctor --source {source}",
    "656900457591420992c6804d63578e0d",
)
HUB_UNREACHABLE = Kind(
    301,
    "hub-unreachable",
    Severity.CRITICAL,
    "The hub has not been reached for more than 15 minutes ({cause}); its lists grow stale.",
    "Nothing is lost: it is sent later. To find out why: calendar-connector doctor",
    "9eccdc2d85e64312815cc81461b99483",
    after=timedelta(minutes=15),
)
HUB_REFUSED_CREDENTIAL = Kind(
    302,
    "hub-refused-credential",
    Severity.CRITICAL,
    "The hub does not accept this connector's credential.",
    "Have a new one made at the hub and set it: calendar-connector secret set hub",
    "ad8273cdc6274b78b59e231a63ba7eb8",
)
SUPERSEDED = Kind(
    303,
    "superseded",
    Severity.CRITICAL,
    "Another copy of this appliance has taken over at the hub; this one has stopped.",
    "Switch one of them off. If this is the one to keep: calendar-connector run --take-over",
    "a4a96e5165c24b22b6ed13cf67513ea2",
)
OUTBOX_FILLS = Kind(
    304,
    "outbox-fills",
    Severity.ERROR,
    "{waiting} of at most {limit} events wait for the hub; at the limit calendars are read no further.",
    "See whether the hub is slow or away: calendar-connector status",
    "4f8c1bc50f404655b1ba3fa7f97a9282",
)
DEAD_LETTERS = Kind(
    305,
    "dead-letters",
    Severity.WARNING,
    "The hub has refused {dead} events for good.",
    "To see them: calendar-connector deadletter list",
    "38500a34779a4a85b29cfe2a713f6ff9",
)
STORE_TROUBLE = Kind(
    401,
    "store-trouble",
    Severity.CRITICAL,
    "The database can't be used: {reason}",
    "Nothing acknowledged is lost. Make room or put the database back: calendar-connector restore FILE",
    "92dbb76e929a4421b1485ea47d5a301d",
)
KEY_SERVICE_AWAY = Kind(
    402,
    "key-service-away",
    Severity.CRITICAL,
    "The key service can't be reached ({cause}); meetings wait, nothing leaves unsealed.",
    "To find out why: calendar-connector doctor",
    "7575244d557942b89db34fe211bcc674",
    after=timedelta(minutes=5),
)
KEYSTORE_TROUBLE = Kind(
    403,
    "keystore-trouble",
    Severity.CRITICAL,
    "The keystore can't be used: {reason}",
    "Put it back as the sentence says; what is in use already goes on.",
    "c3ed5c2dddf549b380db14a6e975d87e",
)
WRITE_BRAKE = Kind(
    501,
    "write-brake",
    Severity.ERROR,
    "Too many calendar writes in a short time ({updates}); all writes are stopped.",
    "Find out why: calendar-connector writes show; then: calendar-connector writes release",
    "f50850031ebd481385708879417284af",
)
ROSTER_MAX_CHANGE = Kind(
    502,
    "roster-max-change",
    Severity.ERROR,
    "The roster would change {changes} of {mailboxes} mailboxes, more than roster.max_change; nothing was changed.",
    "Look at it: calendar-connector roster plan; if it is right: calendar-connector roster sync --force",
    "519993b97c904df2815e19b54bb57588",
)
ROSTER_UNREADABLE = Kind(
    503,
    "roster-unreadable",
    Severity.ERROR,
    "The roster's source {origin} can't be read or is empty ({cause}); nothing was changed.",
    "Mend the file or the group, then: calendar-connector roster sync",
    "ef8af911bf8e42bf9a1e102dddd31646",
)
RELOAD_REFUSED = Kind(
    504,
    "reload-refused",
    Severity.WARNING,
    "The new configuration was not taken over, the old one stays in force.",
    "To see every problem: calendar-connector config check",
    "1454e1517f8c428b97307a37fd9da4a0",
)
CLOCK_OFF = Kind(
    601,
    "clock-off",
    Severity.ERROR,
    "This machine's clock is {seconds} seconds off by the clock of {peer}.",
    "Switch time synchronisation on: timedatectl set-ntp true",
    "1024c9afc6404c4ca2e21dd765e48ea9",
)

KINDS: tuple[Kind, ...] = (
    CREDENTIAL_REFUSED,
    CREDENTIAL_MISSING,
    CERTIFICATE_EXPIRES,
    ACCOUNT_TAKEN_OVER,
    KEY_NOT_RENEWED,
    SOURCE_NOT_SET_UP,
    PASSWORD_EXPIRES,
    SIGN_IN_ENDS,
    SOURCE_UNREACHABLE,
    STREAM_LOST,
    MAILBOXES_BLOCKED,
    QUARANTINE_GROWS,
    SERVER_DIFFERS,
    MAILBOXES_LATE,
    NOTIFICATION_STORM,
    CANARY_SILENT,
    SOURCE_SILENT,
    HUB_UNREACHABLE,
    HUB_REFUSED_CREDENTIAL,
    SUPERSEDED,
    OUTBOX_FILLS,
    DEAD_LETTERS,
    STORE_TROUBLE,
    KEY_SERVICE_AWAY,
    KEYSTORE_TROUBLE,
    WRITE_BRAKE,
    ROSTER_MAX_CHANGE,
    ROSTER_UNREADABLE,
    RELOAD_REFUSED,
    CLOCK_OFF,
)


def kind(number: int) -> Kind:
    """The kind with this number. Raises NotFound."""
    for one in KINDS:
        if one.number == number:
            return one
    raise NotFound(f"There is no alarm {number}; there are {', '.join(str(one.number) for one in KINDS)}.")
