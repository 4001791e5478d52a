"""Every reason code of a verdict or a state, in words: what it is, and what to do about it.

Codes are stored, counted and shown; the words are for people and may change. ``{address}`` and ``{source}`` in a
remedy are filled in where it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """``sentence`` says what is the matter, ``remedy`` what to do ("" when it mends itself)."""

    sentence: str
    remedy: str = ""


REASONS: dict[str, Reason] = {
    # the connection to a peer
    "unreachable": Reason("The server can't be reached."),
    "timeout": Reason("The server did not answer in time."),
    "server-error": Reason("The server answered with an error of its own."),
    "busy": Reason("The server asked to be left alone for a while."),
    "own-limit": Reason("Our own limit on requests (`limits.requests`) is reached; the work waits."),
    "bad-answer": Reason("The answer was cut off or is not what was asked for; it was not believed."),
    "tls-untrusted": Reason(
        "The server's certificate is not trusted.",
        "Name the CA that signed it as `ca:` of the source or hub in the configuration.",
    ),
    "tls-expired": Reason("The server's certificate has expired.", "Renew the certificate on the server."),
    # the account
    "credential-refused": Reason(
        "The service account's password is not accepted; nothing was tried again with it.",
        "Type the new one: calendar-connector secret set {secret}",
    ),
    "account-taken-over": Reason(
        "The service account's password is not accepted; another account of the source has taken over.",
        "Type the new one: calendar-connector secret set {secret}",
    ),
    "notification-storm": Reason(
        "The mailbox's calendar changes without end, as when two programs correct each other; it is looked at once a minute."
    ),
    "credential-missing": Reason(
        "There is no password for the service account yet.", "calendar-connector secret set {secret}"
    ),
    "enrolment-used": Reason("This enrolment token was used already."),
    "enrolment-expired": Reason("This enrolment token has expired."),
    "enrolment-unknown": Reason(
        "This hub does not offer enrolment; set a token: calendar-connector secret set hub."
    ),
    "channel-binding": Reason(
        "The server demands Extended Protection and the connection does not satisfy it.",
        "Connect to Exchange directly, or through a TLS bridge with the same certificate.",
    ),
    "logon-limit": Reason(
        "Three logons of the service account failed within half an hour; more have to wait."
    ),
    "front-end-refuses": Reason("One Exchange server refuses the service account while others accept it."),
    "no-challenge": Reason("The server refused the logon without saying which kinds it accepts."),
    "auth-not-offered": Reason(
        "The server does not offer the configured kind of logon.",
        "Set `auth:` to a kind it offers; in the Exchange Management Shell:"
        " Get-WebServicesVirtualDirectory | Format-List *Authentication*",
    ),
    "tls-needed": Reason("A password is only sent over TLS.", "Write the address as https://"),
    "server-version": Reason("The server does not accept the protocol version that was announced."),
    "server-setup": Reason("Something is set up wrongly on the Exchange server; its log says what."),
    "ews-forbidden": Reason(
        "The server forbids Exchange Web Services for this mailbox or program.",
        "In the Exchange Management Shell: Get-CASMailbox {address} | Format-List Ews*",
    ),
    # a mailbox
    "address-unknown": Reason(
        "The mail system knows no such address.",
        "Check the spelling; in the Exchange Management Shell: Get-Recipient {address}",
    ),
    "domain-not-allowed": Reason(
        "The address is in none of the mail domains of any source.",
        "Add the domain to `domains:` of the source it belongs to.",
    ),
    "alias-address": Reason(
        "The address is an alias.", "Activate the mailbox by its primary address: {primary}"
    ),
    "impersonation-denied": Reason(
        "The service account may not open this mailbox.",
        "Put it into the management scope of the role assignment; in the Exchange Management Shell:"
        " Get-ManagementRoleAssignment -Role ApplicationImpersonation",
    ),
    "mailbox-disabled": Reason(
        "The mailbox or its account is disabled.",
        "In the Exchange Management Shell: Get-Mailbox {address} | Format-List *Disabled*",
    ),
    "no-calendar": Reason("The mailbox has no calendar folder that can be read."),
    "moved-to-exchange-online": Reason(
        "The mailbox has moved to Exchange Online, which this connector does not reach.",
        "Use the cloud's own connector for it: calendar-connector mailbox deactivate {address}",
    ),
    "mailbox-unavailable": Reason("The mailbox's database or its server is not available at the moment."),
    "mailbox-moving": Reason("The mailbox is just being moved to another database."),
    "redirect-not-trusted": Reason(
        "Autodiscover leads to a host that is not on the trust list.",
        "Look at it and allow it: calendar-connector source redirects {source}",
    ),
    "left-roster": Reason(
        "The mailbox has left the roster; it is deactivated when `leave_after` has passed."
    ),
    "paused": Reason("Paused by an administrator.", "calendar-connector mailbox resume {address}"),
    "same-address-other-mailbox": Reason(
        "The address now belongs to another mailbox than the one that was activated.",
        "calendar-connector mailbox deactivate {address}, then activate it anew.",
    ),
    # the feed and its items
    "source-paused": Reason(
        "An administrator paused the source.", "calendar-connector source resume {source}"
    ),
    "cursor-expired": Reason("The source has forgotten where we were; the mailbox is read afresh."),
    "item-corrupt": Reason("The item is damaged in the mailbox."),
    "item-unreadable": Reason("The item could not be read."),
    "item-not-found": Reason("The item is no longer there."),
    "item-changed": Reason("The item was changed by somebody else at the same moment."),
    "unsupported-time-zone": Reason("The item is in a time zone that can't be made out."),
    "subscription-lost": Reason("The server has dropped the subscription; a new one is made."),
    "no-free-busy": Reason("The server gives no free/busy times of this person."),
    # keys and the hub
    "key-unknown": Reason("The key service does not know this key."),
    "key-service-away": Reason("The key service can't be reached; meetings wait, nothing leaves unsealed."),
    "key-revoked": Reason("The key service does not give this key any more: it is revoked or destroyed."),
    "key-service-untrusted": Reason(
        "What answers as the key service can't show its certificate or the pinned key; nothing was sent to it.",
        "Compare `keys.ca` or `keys.pins` in the configuration with the key service's static key.",
    ),
    "key-service-refuses": Reason(
        "The key service does not accept this connector.",
        "Enrol its fingerprint there; it is shown by: calendar-connector secret fingerprint",
    ),
    "kms-broken": Reason("A message of the key service is not authentic; it was not believed."),
    "kms-malformed": Reason("A message of the key service is not what was asked for; it was not believed."),
    "kms-elsewhere": Reason("A message names an object of another key service."),
    "malformed": Reason("The hub could not read this event.", "Is the hub older than the connector?"),
    "too-large": Reason("The event is larger than the hub takes."),
    "hub-refused": Reason("The hub will not take this event."),
    "greet-again": Reason("The hub no longer knows this connector's run; it is greeted again."),
    "hub-inconsistent": Reason(
        "The hub keeps contradicting what it acknowledged; sending rests for a while.",
        "Ask whoever runs the hub whether its database was restored.",
    ),
    "proxy-refused": Reason(
        "The proxy does not let the connection through.",
        "Check its address and credential: calendar-connector secret set proxy/NAME",
    ),
    "websocket-refused": Reason("Something on the way refuses web sockets; long polling is used instead."),
    "seal-broken": Reason("A ciphertext was altered, moved or is not of the stated key."),
    "stream-taken-over": Reason(
        "Somebody else streams the same subscriptions; these mailboxes are polled meanwhile."
    ),
    "too-many-streams": Reason(
        "The server allows no further stream for this mailbox; these mailboxes are polled meanwhile."
    ),
    "superseded": Reason(
        "Another copy of this appliance has taken over at the hub; this one has stopped.",
        "Switch one of them off. If this is the one to keep: calendar-connector run --take-over",
    ),
    # Google: what is set up in the admin console and the Google Cloud console
    "google-key-unreadable": Reason(
        "The secret is no service account key of Google.",
        "In the Google Cloud console: IAM, Service accounts, Keys, Add key, JSON; then:"
        " calendar-connector secret set {secret} --file KEY.json",
    ),
    "google-key-removed": Reason(
        "Google no longer accepts the service account's key: it was deleted or disabled.",
        "Make a new one in the Google Cloud console (IAM, Service accounts, Keys) and set it:"
        " calendar-connector secret set {secret} --file KEY.json",
    ),
    "google-federation-unreadable": Reason(
        "The secret is a configuration of workload identity federation that can't be used here.",
        "Make it with gcloud iam workload-identity-pools create-cred-config, with --service-account and"
        " --credential-source-file; then: calendar-connector secret set {secret} --file CONFIG.json",
    ),
    "google-federation-token": Reason(
        "The file in which the identity provider keeps this machine's token can't be read.",
        "See that the identity provider's agent writes it, and that the service user may read it.",
    ),
    "google-federation-refused": Reason(
        "Google does not accept the identity provider's token for the workload identity pool.",
        "Look at issuer, audience and conditions of the pool's provider in the Google Cloud console, and at the token's end.",
    ),
    "google-signing-forbidden": Reason(
        "This machine's identity may not sign as the service account.",
        "In the Google Cloud console: IAM, Service accounts, Permissions: give the pool's principal the role Service Account"
        " Token Creator on the account.",
    ),
    "google-signing-off": Reason(
        "The IAM Service Account Credentials API is not switched on in the service account's project.",
        "In the Google Cloud console: APIs and services, Library, IAM Service Account Credentials API, Enable.",
    ),
    "google-clock": Reason(
        "Google refuses the connector's signatures because this machine's clock is wrong.",
        "Set the clock right: timedatectl set-ntp true",
    ),
    "google-not-authorized": Reason(
        "The client id or the scope is missing in domain-wide delegation.",
        "In the admin console: Security, Access and data control, API controls, Manage domain-wide delegation: add the"
        " service account's client id with the scopes of docs/google.md.",
    ),
    "google-grant-refused": Reason(
        "Google refuses to act in this user's name.",
        "Look at the user and at domain-wide delegation in the admin console; the log has Google's words.",
    ),
    "google-scope-missing": Reason(
        "A scope is missing in domain-wide delegation.",
        "In the admin console: Security, API controls, Manage domain-wide delegation: give the client id both scopes"
        " of docs/google.md.",
    ),
    "google-api-off": Reason(
        "The Google Calendar API is not switched on in the service account's project.",
        "In the Google Cloud console: APIs and services, Library, Google Calendar API, Enable.",
    ),
    "google-no-such-user": Reason(
        "Google knows no user with this address.",
        "Check the spelling in the admin console: Directory, Users. An alias is not enough.",
    ),
    "google-user-deleted": Reason(
        "The user was deleted at Google.", "calendar-connector mailbox deactivate {address}"
    ),
    "google-user-restricted": Reason(
        "The user is suspended or restricted at Google.",
        "In the admin console: Directory, Users: look at the user's state.",
    ),
    "google-calendar-off": Reason(
        "The user has no calendar service.",
        "In the admin console: Apps, Google Workspace, Calendar, Service status: switch it on for the user's"
        " organisational unit, and check the licence.",
    ),
    "google-gmail-off": Reason("The user has no Gmail; absences are known from the calendar alone."),
    "google-token-refused": Reason("Google refused a token that it had just handed out."),
    "google-forbidden": Reason(
        "Google forbids this for this user.", "The log has Google's words; see docs/google.md, Errors."
    ),
    "google-read-only": Reason("The calendar may be read, but not written."),
    "google-delegation-missing": Reason(
        "The request was not made in a user's name, so nobody can be invited.",
        "Give the service account domain-wide delegation, see docs/google.md.",
    ),
    "google-not-enlisted": Reason(
        "The address is no activated mailbox of this source; nobody else is asked for."
    ),
    "google-shared-calendar": Reason(
        "This is the address of a shared calendar, not of a person.", "Activate the person who owns it."
    ),
    "google-times-only": Reason(
        "Of this calendar only free and busy times may be seen.",
        "Share it with the reader: See all event details.",
    ),
    "google-no-reader": Reason(
        "Rooms can't be opened in their own name.", "Name a user who may see them as `reader:` of the source."
    ),
    "google-room-not-shareable": Reason(
        "The user named as `room_owner:` may not share this room's calendar with the reader.",
        "In the room's settings in Google Calendar give that user Make changes and manage sharing, or name another one.",
    ),
    "google-sharing-takes-time": Reason(
        "The room was shared with the reader; Google takes some minutes until that holds."
    ),
    "google-calendar-full": Reason(
        "Google's limits on what one calendar may do are used up for some hours; it is left alone meanwhile."
    ),
    "google-day-full": Reason(
        "The project's requests of this day are used up.",
        "See the quotas in the Google Cloud console: APIs and services, Google Calendar API, Quotas.",
    ),
    "google-no-push": Reason("This calendar sends no notifications; it is polled."),
    "google-receiver-closed": Reason(
        "The receiver of notifications can't listen at its address; calendars are polled.",
        "Look at `receiver.listen:` of the source; the log has the system's words.",
    ),
    "google-channel-taken": Reason("The notification channel's name was used before; another one is made."),
    "google-no-hints": Reason("Google can't be asked about many people's absences at once."),
    # commands and writes
    "command-not-sealed": Reason("The command was not sealed to this mailbox and was not opened."),
    "command-expired": Reason("The command came too late."),
    "command-unknown": Reason("This version does not know that kind of command."),
    "command-malformed": Reason("The command lacks something or has a wrong value."),
    "too-many-questions": Reason("The acting user has asked for free/busy too often in the last hour."),
    "write-not-allowed": Reason(
        "The policy of the acting user does not allow it.", "See `policies:`, `write:`."
    ),
    "request-refused": Reason("Exchange refuses this request and always will."),
    "not-invited": Reason(
        "The user organizes this meeting or is not invited to it; there is nothing to answer."
    ),
    "meeting-cancelled": Reason("The meeting was cancelled; there is nothing to answer."),
    "quick-add-needs-google": Reason(
        "Meetings are made of a sentence by Google calendars alone, and this calendar is none.",
        "Let the client send the command `meeting.create` with times instead.",
    ),
    "attendee-copy": Reason("The item is an attendee's copy; only the organizer's own is written."),
    "protected-item": Reason("The item is signed, encrypted or rights-protected and is not written."),
    "body-objects": Reason(
        "The invitation's text is rich text with attachments or objects inside, which would be lost; it is not written.",
        "Let the organizer write the invitation as HTML or plain text.",
    ),
    "body-cut-off": Reason("Exchange gave the invitation's text cut off; it is not written."),
    "foreign-join-details": Reason(
        "The invitation holds join details of another product (Cisco TMS, a conferencing plug-in) and is left to it."
    ),
    "private-meeting": Reason(
        "The meeting is private, and the policy leaves private meetings alone.",
        "See `policies:`, `private:`; `hide-subject` and `full` let keywords work there.",
    ),
    "too-many-invitees": Reason("More than 1,500 people are invited; an update to so many is not mailed."),
    "meeting-over": Reason("The meeting is over."),
    "block-removed": Reason(
        "The join details were taken out of the invitation by hand and stay out.",
        "Delete the keyword, save, and type it again; or: calendar-connector meeting redecorate {address}",
    ),
    "undecorated": Reason(
        "The join details were taken out by an administrator.",
        "calendar-connector meeting redecorate {address} puts them back.",
    ),
    "conference-unknown": Reason(
        "The keyword stands for an entry of `conference:` that is not configured.",
        "Add the entry, or take the keyword out of `keywords:`.",
    ),
    "conference-uncertain": Reason(
        "The conference service was asked for a conference, its answer was lost, and it can't tell whether it made one.",
        "Look there; then delete the keyword, save, and type it again.",
    ),
    "mailbox-full": Reason("The mailbox is full; nothing can be written into it."),
    "mode-observe": Reason(
        "The connector only observes.", "Set `mode: active` when it should write into calendars."
    ),
    "brake": Reason(
        "Too many calendar writes in a short time; all writes are stopped.",
        "Find out why, then: calendar-connector writes release",
    ),
    # conferences
    "conference-attribute-missing": Reason(
        "The template of the join details names an attribute that this person does not have.",
        "Fill it in in the directory or the CSV that the entry of `conference:` names.",
    ),
    "conference-template-fails": Reason(
        "The template of the join details can't be worked out for this person.",
        "Mend the entry of `conference:`, or this person's attributes.",
    ),
    "conference-link-invalid": Reason(
        "What the template gives for this person is no address that one could join by.",
        "Mend the entry of `conference:`, or this person's attributes.",
    ),
    "conference-file-unreadable": Reason(
        "The CSV with people's conference attributes can't be read.",
        "See that the file `csv:` of the entry of `conference:` is there, is readable and has a column address.",
    ),
    "conference-directory-unreadable": Reason(
        "The directory with people's conference attributes can't be asked; the log says why.",
        "See that the entry of `directories:` is right and its secret is set: calendar-connector secret list",
    ),
    "conference-credential-missing": Reason(
        "The conference service's credential was never set.",
        "Its name is in the list of missing ones: calendar-connector secret list",
    ),
    "conference-key-unusable": Reason(
        "The key for signing Jitsi's tokens is none that the configured algorithm can use.",
        "Set it again, for RS256 an RSA private key in PEM form: calendar-connector secret set NAME --file KEY.pem",
    ),
    "webex-sign-in-ended": Reason(
        "Webex no longer accepts the refresh token: it has expired or was withdrawn.",
        "Sign in anew as docs/conferences.md says, then type what it gives:"
        " calendar-connector secret set webex/ACCOUNT/refresh-token",
    ),
    "webex-host-not-licensed": Reason(
        "The organizer has no licence to hold Webex meetings, or none on this site.",
        "Assign one in Webex Control Hub, or map the keyword to an entry with `make: personal-room`.",
    ),
    "webex-no-personal-room": Reason(
        "The organizer has no personal room at Webex, or none on this site.",
        "Have it switched on in Webex Control Hub, or map the keyword to an entry with `make: one-time`.",
    ),
    "webex-no-spaces": Reason(
        "Webex spaces are not made: only a user's own token could.",
        "Map the keyword with :space to another entry of `conference:`.",
    ),
    "webex-forbidden": Reason(
        "Webex does not let our account act for this organizer.",
        "Give the integration or service app the scopes that docs/conferences.md names, and let an administrator approve it.",
    ),
    "webex-not-found": Reason(
        "Webex knows no such user or meeting.", "See that the organizer has a Webex account."
    ),
    "webex-request-refused": Reason("Webex refuses this meeting and always will; the log holds its words."),
    "keystore-unwritable": Reason(
        "A secret that a service has exchanged for a new one can't be kept; nothing more is asked of it until it can.",
        "See that the disk is not full and the state directory is the connector's own.",
    ),
    "conference-awaited": Reason("The cloud was asked for a conference and has not answered yet."),
    "conference-unasked": Reason(
        "The cloud answered an order for a conference that nobody gave, or gives no more."
    ),
    "conference-needs-google": Reason(
        "Google Meet conferences are made by Google calendars alone, and this calendar is none.",
        "Give the keyword another entry of `conference:`.",
    ),
    "conference-pending": Reason("The calendar was asked for a conference and has not made it yet."),
    "conference-not-made": Reason(
        "The calendar was asked for a conference of its own and did not make one.",
        "See that the organization lets users make conferences; then delete the keyword, save, and type it again.",
    ),
    "epoch-unconfirmed": Reason("The hub has not confirmed this start yet; no calendar is written before."),
    # the join block of an invitation
    "body-too-large": Reason("The invitation's text is larger than 1 MiB; nothing is written into it."),
    "block-edited": Reason(
        "Somebody changed the join details in the invitation; they are left as they are.",
        "Take them out of the invitation by hand to have them written anew.",
    ),
    "link-there": Reason(
        "The invitation has join details of its own; nothing is added.",
        "Take them out by hand, or set `existing_link: replace` under `invitation:`.",
    ),
    "details-unsafe": Reason(
        "The conference service gave join details that may not stand in an invitation: no web, sip or tel address, or signs that mean something else there."
    ),
    "template-failed": Reason(
        "A template of the join details can't be filled with those of this meeting.",
        "Try the templates with: calendar-connector config check",
    ),
}


def explain(code: str) -> Reason:
    """The words for a code; a code nobody described stands for itself."""
    return REASONS.get(code, Reason(code))
