"""The language of a mailbox, told by what its Inbox is called: Exchange names the default folders in it.

EWS has no property for the language of a mailbox; the folders are named anew when it is changed with
``Set-MailboxRegionalConfiguration -LocalizeDefaultFolderName``.
"""

from __future__ import annotations

from connector.errors import AccessDenied, Refused, Unreadable
from connector.model import Mailbox
from connector.source.exchange import payloads
from connector.source.exchange.services import Services

INBOXES = {
    "Inbox": "en",
    "Inkorgen": "sv",
    "Posteingang": "de",
    "Postvak IN": "nl",
    "Indbakke": "da",
    "Innboks": "nb",
    "Saapuneet": "fi",
    "Boîte de réception": "fr",
    "Bandeja de entrada": "es",
    "Posta in arrivo": "it",
    "Caixa de Entrada": "pt-BR",
    "A Receber": "pt",
    "Skrzynka odbiorcza": "pl",
    "Doručená pošta": "cs",
    "Входящие": "ru",
    "Вхідні": "uk",
    "Gelen Kutusu": "tr",
    "Εισερχόμενα": "el",
    "תיבת דואר נכנס": "he",
    "علبة الوارد": "ar",
    "صندوق الوارد": "ar",
    "受信トレイ": "ja",
    "받은 편지함": "ko",
    "收件箱": "zh-Hans",
    "收件匣": "zh-Hant",
}
_TAGS = {name.casefold(): tag for name, tag in INBOXES.items()}


def of_mailbox(services: Services, mailbox: Mailbox) -> str:
    """Its language tag, "" where the name tells none or can't be read."""
    try:
        message = services.one(mailbox, payloads.get_inbox())
    except (AccessDenied, Refused, Unreadable):
        return ""
    return _TAGS.get(message.findtext(".//{*}DisplayName", "").strip().casefold(), "")
