"""The lines an Exchange administrator pastes into the Exchange Management Shell. Pure.

docs/exchange.md tells the same in order and says why. Names in angle brackets are the administrator's to fill in. Those that begin
with ``calendar-connector`` belong on this machine, those with ``AD`` in the verb need the ActiveDirectory module.
"""

from __future__ import annotations

SCOPE = "calendar-connector"
"""Name of management scope, role assignment and throttling policy in docs/exchange.md."""
ROLE = "ApplicationImpersonation"

Lines = tuple[str, ...]


def quoted(text: str) -> str:
    """A PowerShell string that means nothing but itself."""
    return "'" + text.replace("'", "''") + "'"


def published_names() -> Lines:
    """Which names Exchange says it has."""
    return (
        "Get-WebServicesVirtualDirectory | Format-List Server,InternalUrl,ExternalUrl",
        "Get-ClientAccessService | Format-List Name,AutoDiscoverServiceInternalUri",
    )


def web_services(host: str) -> Lines:
    """Whether the web services run."""
    return (
        f"Test-NetConnection {host} -Port 443",
        "Get-Service W3SVC,MSExchangeServiceHost",
        "Get-ServerComponentState <SERVER> -Component EwsProxy",
    )


def certificate(thumbprint: str) -> Lines:
    """The certificate a server shows, and how another takes its place."""
    return (
        f"Get-ExchangeCertificate -Thumbprint {thumbprint} | Format-List Subject,CertificateDomains,NotAfter,Services",
        "Enable-ExchangeCertificate -Thumbprint <NEW THUMBPRINT> -Services IIS",
    )


def account(user: str) -> Lines:
    """Why an account can't log on; the second line opens a locked one."""
    name = quoted(_sam(user))
    shown = "Enabled,LockedOut,PasswordExpired,PasswordLastSet,AccountExpirationDate,LastBadPasswordAttempt"
    return (
        f"Get-ADUser {name} -Properties {shown} | Format-List {shown}",
        f"Unlock-ADAccount {name}",
    )


def _sam(user: str) -> str:
    r"""The account's own name, from `DOMAIN\name` or `name@domain`."""
    return user.rpartition("\\")[2].partition("@")[0]


def schemes() -> Lines:
    """Which kinds of logon the web services offer."""
    return (
        "Get-WebServicesVirtualDirectory | Format-List Identity,*Authentication*",
        "Set-WebServicesVirtualDirectory '<SERVER>\\EWS (Default Web Site)' -WindowsAuthentication $true",
    )


def extended_protection() -> Lines:
    """Whether the web services demand a channel binding."""
    return ("Get-WebServicesVirtualDirectory | Format-List Identity,ExtendedProtection*",)


def assignments(user: str) -> Lines:
    """Which impersonation the account has, and for whom."""
    return (
        (
            f"Get-ManagementRoleAssignment -Role {ROLE} -RoleAssignee {quoted(user)}"
            " | Format-List Name,CustomRecipientWriteScope,Enabled"
        ),
    )


def grant(user: str) -> Lines:
    """The role, for those in the scope."""
    return (
        *assignments(user),
        (
            f"New-ManagementRoleAssignment -Name {quoted(f'{SCOPE} {_sam(user)}')} -Role {ROLE}"
            f" -User {quoted(user)} -CustomRecipientWriteScope {quoted(SCOPE)}"
        ),
    )


def widen(user: str, address: str) -> Lines:
    """Who the scope covers, and how a mailbox comes into it."""
    return (
        *assignments(user),
        "Get-ManagementScope | Format-List Name,RecipientFilter",
        f"Add-DistributionGroupMember <GROUP OF THE SCOPE> -Member {quoted(address)}",
    )


def throttling(user: str) -> Lines:
    """The account's throttling policy, and one of its own."""
    return (
        f"Get-ThrottlingPolicyAssociation {quoted(user)} | Format-List ThrottlingPolicyId",
        "Get-ThrottlingPolicy | Format-List Name,ThrottlingPolicyScope,Ews*",
        f"New-ThrottlingPolicy {quoted(SCOPE)} -ThrottlingPolicyScope Regular -EwsMaxSubscriptions 5000",
        f"Set-ThrottlingPolicyAssociation {quoted(user)} -ThrottlingPolicy {quoted(SCOPE)}",
    )


def recipient(address: str) -> Lines:
    """What the organisation knows under an address."""
    return (
        (
            f"Get-Recipient {quoted(address)}"
            " | Format-List PrimarySmtpAddress,EmailAddresses,RecipientTypeDetails,ExternalEmailAddress"
        ),
    )


def mailbox(address: str) -> Lines:
    """Whether a mailbox and its account are open."""
    return (
        f"Get-Mailbox {quoted(address)} | Format-List AccountDisabled,ExchangeUserAccountControl,Database",
        f"Get-MailboxStatistics {quoted(address)} | Format-List DisconnectReason,DisconnectDate",
    )


def moving(address: str) -> Lines:
    """How far a move has come."""
    return (f"Get-MoveRequest {quoted(address)} | Get-MoveRequestStatistics",)


def web_services_allowed(address: str) -> Lines:
    """Whether mailbox and organisation let programs use the web services."""
    return (
        f"Get-CASMailbox {quoted(address)} | Format-List Ews*",
        "Get-OrganizationConfig | Format-List Ews*",
    )


def calendar_folder(address: str) -> Lines:
    """The calendar folder of a mailbox."""
    return (
        f"Get-MailboxFolderStatistics {quoted(address)} -FolderScope Calendar | Format-List Name,FolderPath",
    )


def room(address: str) -> Lines:
    """How a room treats what comes in, and what keeps subject, comments and privacy."""
    kept = "DeleteComments,DeleteSubject,AddOrganizerToSubject,RemovePrivateProperty,DeleteAttachments"
    return (
        f"Get-CalendarProcessing {quoted(address)} | Format-List AutomateProcessing,ProcessExternalMeetingMessages,{kept}",
        (
            f"Set-CalendarProcessing {quoted(address)} -AutomateProcessing AutoAccept -DeleteComments $false"
            " -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false"
        ),
    )


def clock() -> Lines:
    """The server's clock."""
    return ("w32tm /query /status", "w32tm /resync")
