"""Documents of a streaming answer, as a server writes them."""

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
S = "http://schemas.xmlsoap.org/soap/envelope/"


def document(inner: str, prefix: str = "s", response: str = "Success") -> bytes:
    """A streaming document around the content of one response message."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><{prefix}:Envelope xmlns:{prefix}="{S}"><{prefix}:Body>'
        f'<m:GetStreamingEventsResponse xmlns:m="{M}" xmlns:t="{T}"><m:ResponseMessages>'
        f'<m:GetStreamingEventsResponseMessage ResponseClass="{response}">{inner}'
        f"</m:GetStreamingEventsResponseMessage></m:ResponseMessages></m:GetStreamingEventsResponse>"
        f"</{prefix}:Body></{prefix}:Envelope>"
    ).encode()


def notification(*ids: str, event: str = "CreatedEvent", prefix: str = "m") -> bytes:
    """A document with one event for each subscription id."""
    held = "".join(
        f"<{prefix}:Notification><t:SubscriptionId>{one}</t:SubscriptionId><t:PreviousWatermark>w</t:PreviousWatermark>"
        f"<t:MoreEvents>false</t:MoreEvents><t:{event}><t:Watermark>w</t:Watermark></t:{event}></{prefix}:Notification>"
        for one in ids
    )
    return document(f"<m:ResponseCode>NoError</m:ResponseCode><m:Notifications>{held}</m:Notifications>")


def heartbeat(status: str = "OK") -> bytes:
    """A document that only says that the connection lives, or that it ends."""
    return document(
        f"<m:ResponseCode>NoError</m:ResponseCode><m:ConnectionStatus>{status}</m:ConnectionStatus>"
    )


def failure(code: str, *ids: str, values: str = "", status: str = "Closed") -> bytes:
    """A document that says what failed."""
    failed = "".join(f"<t:SubscriptionId>{one}</t:SubscriptionId>" for one in ids)
    errors = f"<m:ErrorSubscriptionIds>{failed}</m:ErrorSubscriptionIds>" if ids else ""
    inner = (
        f"<m:MessageText>Words.</m:MessageText><m:ResponseCode>{code}</m:ResponseCode>"
        f"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{values}{errors}"
        f"<m:ConnectionStatus>{status}</m:ConnectionStatus>"
    )
    return document(inner, response="Error")
