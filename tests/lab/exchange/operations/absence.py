"""GetUserOofSettings and GetMailTips: automatic replies, asked of oneself and of others."""

from datetime import datetime, timedelta

from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, instant, m, message, t, text_at
from tests.lab.exchange.mailbox import Mailbox, OutOfOffice
from tests.lab.exchange.operations.addressing import acting_mailbox, permitted
from tests.lab.exchange.operations.batch import failed, succeeded

RECIPIENT_LIMIT = 50
"""MaxRecipientsPerGetMailTipsRequest as it is set here."""


def get_user_oof_settings(call: Call) -> etree._Element:
    """Answers GetUserOofSettings of the acting mailbox."""
    response = message("GetUserOofSettingsResponse")
    try:
        named = text_at(call.request, "t:Mailbox/t:Address")
        mailbox = permitted(call, call.organisation.mailbox(named), writing=True)
    except ResponseFault as fault:
        if fault.scope == "soap":
            raise
        response.append(failed("ResponseMessage", fault))
        return response
    response.append(succeeded("ResponseMessage"))
    _write_settings(response, mailbox.out_of_office, call.now)
    return response


def _write_settings(parent: etree._Element, settings: OutOfOffice, now: datetime) -> None:
    made = t(parent, "OofSettings")
    t(made, "OofState", settings.state)
    t(made, "ExternalAudience", settings.audience)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    span = t(made, "Duration")  # Exchange always gives one, the coming day when none was set
    t(span, "StartTime", instant(settings.start or midnight))
    t(span, "EndTime", instant(settings.end or midnight + timedelta(days=1)))
    for name, text in (("InternalReply", settings.internal), ("ExternalReply", settings.external)):
        t(t(made, name), "Message", text)
    m(parent, "AllowExternalOof", "All")


def get_service_configuration(call: Call) -> etree._Element:
    """Answers GetServiceConfiguration: how many recipients one GetMailTips may have."""
    acting_mailbox(call)
    response = succeeded("GetServiceConfigurationResponse")
    made = succeeded("ServiceConfigurationResponseMessageType")
    m(response, "ResponseMessages").append(made)
    tips = m(made, "MailTipsConfiguration")
    t(tips, "MailTipsEnabled", "true")
    t(tips, "MaxRecipientsPerGetMailTipsRequest", str(RECIPIENT_LIMIT))
    t(tips, "MaxMessageSize", "36700160")
    t(tips, "LargeAudienceThreshold", "25")
    t(tips, "ShowExternalRecipientCount", "false")
    t(t(tips, "InternalDomains"), "Domain", Name="example.com", IncludeSubdomains="false")
    t(tips, "PolicyTipsEnabled", "false")
    t(tips, "LargeAudienceCap", "1000")
    return response


def get_mail_tips(call: Call) -> etree._Element:
    """Answers GetMailTips: automatic replies and whether recipients exist."""
    acting_mailbox(call)
    recipients = call.request.findall("m:Recipients/t:Mailbox", NAMES)
    if len(recipients) > RECIPIENT_LIMIT:
        raise ResponseFault(
            "ErrorInvalidArgument", f"At most {RECIPIENT_LIMIT} recipients are allowed.", "soap"
        )
    response = succeeded("GetMailTipsResponse")
    messages = m(response, "ResponseMessages")
    for one in recipients:
        made = succeeded("MailTipsResponseMessageType")
        _write_tips(made, call, text_at(one, "t:EmailAddress"))
        messages.append(made)
    return response


def _write_tips(parent: etree._Element, call: Call, address: str) -> None:
    mailbox = call.organisation.find(address)
    made = m(parent, "MailTips")
    recipient = t(made, "RecipientAddress")
    t(recipient, "Name", mailbox.name if mailbox else "")
    t(recipient, "EmailAddress", address)
    t(recipient, "RoutingType", "SMTP")
    pending = mailbox is not None and mailbox.tips_pending
    t(made, "PendingMailTips", "OutOfOfficeMessage" if pending else "")
    if mailbox is not None and not pending:
        _write_absence(made, mailbox, call.now)
    t(made, "InvalidRecipient", "false" if mailbox else "true")


def _write_absence(parent: etree._Element, mailbox: Mailbox, now: datetime) -> None:
    settings = mailbox.out_of_office
    made = t(parent, "OutOfOffice")
    away = settings.away(now)
    t(t(made, "ReplyBody"), "Message", settings.internal if away else "")
    if away and settings.start and settings.end:
        span = t(made, "Duration")
        t(span, "StartTime", instant(settings.start))
        t(span, "EndTime", instant(settings.end))
