"""Pages that every site has, and that are no meeting: help, prices, pictures."""

from __future__ import annotations

_ASSETS = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "ico",
        "bmp",
        "css",
        "js",
        "mjs",
        "map",
        "json",
        "xml",
        "txt",
        "woff",
        "woff2",
        "ttf",
        "pdf",
        "ics",
        "zip",
        "exe",
        "msi",
        "dmg",
        "pkg",
        "deb",
        "rpm",
        "apk",
        "mp4",
        "mp3",
        "wav",
    ]
)

_PAGES = frozenset(
    """
    about about-us account accounts admin affiliates api app-download apps assets auth blog business calendar careers
    case-studies changelog community company compare compliance contact contact-sales contact-us cookie-policy cookies
    css customers dashboard desktop dev developer developers dial-in dial-in-numbers dialin dialinnumbers docs
    documentation download download-app download-center downloads education enterprise explore faq faqs favicon favicon.ico features feedback fonts
    forgot-password forum get-started getting-started guide guides help helpcenter home how-it-works images img impressum
    imprint index index.html index.php info information install integrations jobs js kb knowledge landing learn legal
    lib libs license login logout marketplace media mobile news newsletter newsroom numbers oauth onboarding
    partner partners password plans platform policies policy portal premium-numbers press pricing prices privacy privacy-policy product
    products profile recordings releases request-demo resources robots.txt sales search security self-service settings
    sign-in sign-up signin signout signup site sitemap sitemap.xml solutions sso start-trial static status store stories
    subscribe support system-requirements teams-plans terms terms-of-service terms-of-use test-call testimonials tos
    tour training trial trust tutorials unsubscribe update updates upgrade use-cases wiki wp-admin wp-content
    wp-includes
    """.split()  # noqa: SIM905 - words read best as words
)


def is_asset(path: str) -> bool:
    """Whether the path ends in a file that is no page."""
    _, dot, ending = path.rstrip("/").rpartition("/")[2].rpartition(".")
    return bool(dot) and ending.lower() in _ASSETS


def is_page(path: str) -> bool:
    """Whether the path begins as the pages do that every site has."""
    first = path.lstrip("/").partition("/")[0].lower()
    return first in _PAGES or first.removesuffix(".html") in _PAGES
