"""The answer documents of the notification service."""

from datetime import UTC, datetime

from lxml import etree

from tests.lab.exchange import soap
from tests.lab.exchange.soap import MESSAGES, TYPES, M, T
from tests.lab.exchange.subscription import FOLDER, FOLDER_KEY, Event

NAMES = {"m": MESSAGES, "t": TYPES}
SENTENCES = {
    "ErrorSubscriptionNotFound": "The specified subscription was not found.",
    "ErrorInvalidSubscription": "The subscription is invalid.",
    "ErrorSubscriptionUnsubscribed": "The subscription has been unsubscribed.",
    "ErrorSubscriptionAccessDenied": "Access is denied. Only the subscription owner may access the subscription.",
    "ErrorReadEventsFailed": "Failed to read events.",
    "ErrorMissedNotificationEvents": "Some notification events were missed.",
    "ErrorNewEventStreamConnectionOpened": "Another streaming connection has been opened for one or more of the subscriptions.",
}


def subscribed(subscription_id: str) -> etree._Element:
    """m:SubscribeResponse of a streaming subscription, which has no watermark."""
    response, message = _response("Subscribe")
    soap.success_message(message)
    etree.SubElement(message, f"{M}SubscriptionId").text = subscription_id
    return response


def unsubscribed() -> etree._Element:
    """m:UnsubscribeResponse."""
    response, message = _response("Unsubscribe")
    soap.success_message(message)
    return response


def status(value: str) -> bytes:
    """A document that says only whether the connection goes on: `OK` (the heartbeat) or `Closed`."""
    response, message = _response("GetStreamingEvents")
    soap.success_message(message)
    etree.SubElement(message, f"{M}ConnectionStatus").text = value
    return soap.write(response)


def failed(code: str, ids: list[str]) -> bytes:
    """A document that names the subscriptions an error is about."""
    response, message = _response("GetStreamingEvents")
    soap.error_message(message, soap.Trouble(code, SENTENCES.get(code, code)))
    held = etree.SubElement(message, f"{M}ErrorSubscriptionIds")
    for subscription_id in ids:
        etree.SubElement(held, f"{T}SubscriptionId").text = subscription_id
    return soap.write(response)


def notifications(batch: list[tuple[str, list[Event]]], prefix: str) -> bytes:
    """A document with the events of one or more subscriptions; `prefix` chooses the namespace of Notification."""
    response, message = _response("GetStreamingEvents")
    soap.success_message(message)
    held = etree.SubElement(message, f"{M}Notifications")
    for subscription_id, events in batch:
        notification = etree.SubElement(held, f"{{{NAMES[prefix]}}}Notification")
        etree.SubElement(notification, f"{T}SubscriptionId").text = subscription_id
        for event in events:
            _event(notification, event)
    return soap.write(response)


def _event(notification: etree._Element, event: Event) -> None:
    element = etree.SubElement(notification, f"{T}{event.kind}")
    etree.SubElement(element, f"{T}TimeStamp").text = _stamp(event.at)
    name = "FolderId" if event.subject == FOLDER else "ItemId"
    etree.SubElement(element, f"{T}{name}", Id=event.id, ChangeKey=event.change_key)
    etree.SubElement(element, f"{T}ParentFolderId", Id=event.parent, ChangeKey=FOLDER_KEY)
    if event.old_id:
        etree.SubElement(element, f"{T}OldItemId", Id=event.old_id, ChangeKey=event.change_key)
        etree.SubElement(element, f"{T}OldParentFolderId", Id=event.old_parent, ChangeKey=FOLDER_KEY)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _response(operation: str) -> tuple[etree._Element, etree._Element]:
    response = etree.Element(f"{M}{operation}Response", nsmap=NAMES)
    held = etree.SubElement(response, f"{M}ResponseMessages")
    return response, etree.SubElement(held, f"{M}{operation}ResponseMessage")


STATUS_OK = status("OK")
STATUS_CLOSED = status("Closed")
