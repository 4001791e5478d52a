"""Rewritten links undone."""

from __future__ import annotations

import base64
import json
import string
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.unwrap import DEPTH, illegible, unwrap, unwrap_html, unwrap_text

SHELF = Path(__file__).resolve().parents[4] / "shared" / "data" / "joinlinks" / "unwrap.jsonl"
ZOOM = "https://zoom.us/j/9246813570?pwd=AbC"
SAFE = "https://eur01.safelinks.protection.outlook.com/?url="
TARGETS = st.builds(
    lambda path, query: f"https://example.com/{path}" + (f"?{query}" if query else ""),
    st.text(string.ascii_letters + string.digits + "/-_.~", max_size=60),
    st.text(string.ascii_letters + string.digits + "=&-_.", max_size=60),
)


def version_3(target: str) -> str:
    """A link as Proofpoint's version 3 writes it: signs it does not like as runs of bytes."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    written, bytes_ = "", b""
    for letter in target:
        if letter.isascii() and letter not in "*#+%":
            written += letter
        else:
            raw = letter.encode()
            written += "*" if len(raw) == 1 else f"**{letters[len(raw) - 2]}"
            bytes_ += raw
    encoded = base64.urlsafe_b64encode(bytes_).decode().rstrip("=")
    return f"https://urldefense.com/v3/__{written}__;{encoded}!!a!b$"


@pytest.mark.parametrize(
    ("wrapped", "target"),
    [
        (f"{SAFE}{quote(ZOOM, safe='')}&data=05%7C01&reserved=0", ZOOM),
        (f"https://EUR01.SafeLinks.Protection.Outlook.com./?data=x&url={quote(ZOOM, safe='')}", ZOOM),
        (f"https://eur01.safelinks.protection.outlook.com/ap/w-59584e83/?url={quote(ZOOM, safe='')}", ZOOM),
        (f"https://gcc02.safelinks.protection.office365.us/?url={quote(ZOOM, safe='')}", ZOOM),
        (f"https://urldefense.proofpoint.com/v1/url?u={quote(ZOOM, safe='')}&k=x", ZOOM),
        ("https://urldefense.proofpoint.com/v2/url?u=https-3A__zoom.us_j_9246813570-3Fpwd-3DAbC&d=x&e=", ZOOM),
        (version_3(ZOOM), ZOOM),
        (version_3("https://example.com/日本#a+b"), "https://example.com/日本#a+b"),
        ("https://urldefense.us/v3/__https:/zoom.us/j/1__;!!a!b$", "https://zoom.us/j/1"),
        ("https://urldefense.com/v3/__https:/*zoom.us/j/1__;Lw!!a!b$", "https://zoom.us/j/1"),
        ("https://urldefense.com/v3/__https://zoom.us/j/1__;!!a!b", "https://zoom.us/j/1"),
        ("https://urldefense.com/v3/__https://zoom.us/j/1*2__;!!a!b$", "https://zoom.us/j/1*2"),
        (f"https://linkprotect.cudasvc.com/url?a={quote(ZOOM, safe='')}&c=E,1,x&typo=1", ZOOM),
        (f"https://secure-web.cisco.com/1aB-c_d/{quote(ZOOM, safe='')}", ZOOM),
        (f"http://secure-web.cisco.com/1aB-c_d/{ZOOM}", ZOOM),
        (f"https://ca-1234.ctp.trendmicro.com:443/wis/clicktime/v1/query?url={quote(ZOOM, safe='')}&umid=x", ZOOM),
        (f"https://clicktime.symantec.com/a/1/abc=?d=x&u={quote(ZOOM, safe='')}", ZOOM),
        (f"https://protect2.fireeye.com/v1/url?k=a&q=1&e=b&u={quote(ZOOM, safe='')}", ZOOM),
        ("https://protect2.fireeye.com/url?k=a&u=https://example.com/?a=1&b=2#c", "https://example.com/?a=1&b=2#c"),
        (f"https://protect.trellix.com/v1/url?u={quote(ZOOM, safe='')}", ZOOM),
        (f"https://www.google.com/url?q={quote(ZOOM, safe='')}&sa=D", ZOOM),
        (f"https://www.google.co.uk/url?sa=t&q=zoom&url={quote(ZOOM, safe='')}", ZOOM),
        (f"https://google.com/url?url={quote(ZOOM, safe='')}", ZOOM),
        (f"https://eu-west-1.protection.sophos.com/?d=zoom.us&u={base64.b64encode(ZOOM.encode()).decode()}&i=x", ZOOM),
        (f"https://url.avanan.click/v2/___{ZOOM}___.YXAz", ZOOM),
        (f"https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url={quote(ZOOM, safe='')}", ZOOM),
    ],
)  # fmt: skip
def test_each_gateway_is_undone(wrapped: str, target: str) -> None:
    """The target is what the gateway was given, read by its own rule."""
    assert unwrap(wrapped) == target


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "no link",
        ZOOM,
        "https%3A%2F%2Fzoom.us%2Fj%2F1",
        f"{SAFE}https%3A%2F%2Fzoom.us%2Fj%2F1%xx",
        f"{SAFE}https%3A%2F%2Fzoom.us%2F%E9",
        f"{SAFE}javascript%3Aalert(1)",
        f"{SAFE}file%3A%2F%2F%2Fetc%2Fpasswd",
        f"{SAFE}x",
        SAFE,
        f"https://safelinks.protection.outlook.com.evil.example/?url={quote(ZOOM, safe='')}",
        f"https://notsafelinks.protection.outlook.com.example/?url={quote(ZOOM, safe='')}",
        f"https://evil.example/safelinks.protection.outlook.com/?url={quote(ZOOM, safe='')}",
        f"https://google.com.evil.example/url?q={quote(ZOOM, safe='')}",
        f"https://www.google.com/search?q={quote(ZOOM, safe='')}",
        "https://urldefense.com/v3/__https://zoom.us/j/1",
        "https://urldefense.com/v3/__https://zoom.us/j/1__;",
        "https://urldefense.com/v3/__ftp://example.com__;!!a!b$",
        "https://urldefense.com/v3/__https://example.com/**A__;_w!!a!b$",
        "https://urldefense.com/v4/__https://zoom.us/j/1__;!!a!b$",
        "https://secure-web.cisco.com/1aB",
        "https://eu-central-1.protection.sophos.com/?u=%%%",
        "https://protect-eu.mimecast.com/s/AbCdEf?domain=zoom.us",
        f"{SAFE}{quote(ZOOM, safe='')}" + "&a=" + "x" * 17_000,
    ],
)
def test_what_is_not_rewritten_or_damaged_stays(kept: str) -> None:
    """The link at hand still opens; a guess would not."""
    assert unwrap(kept) == kept


CASES = [json.loads(line) for line in Path(__file__).with_name("unwrap.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"][:60])
def test_own_cases(case: dict[str, Any]) -> None:
    """Each line of unwrap.jsonl states what comes out, and what stays as it is."""
    undo = unwrap_text if case.get("text") else unwrap_html if case.get("html") else unwrap
    assert undo(case["input"]) == case["output"]


def test_wrappers_in_wrappers_are_undone_to_a_depth() -> None:
    """Eight layers come off, a ninth stays: the loop is bounded."""

    def layers(count: int) -> str:
        address = "https://example.com/"
        for _ in range(count):
            address = SAFE + quote(address, safe="")
        return address

    assert unwrap(layers(3)) == "https://example.com/"
    assert unwrap(layers(DEPTH)) == "https://example.com/"
    assert unwrap(layers(DEPTH + 1)) == SAFE + quote("https://example.com/", safe="")


def test_a_wrapper_of_itself_ends() -> None:
    """A link that leads to the same kind of link without end is left where it stops to make sense."""
    assert unwrap(f"{SAFE}{SAFE}x").startswith(SAFE)


def test_mimecast_is_said_to_hide_its_target() -> None:
    """What can't be read is told apart from what is no wrapper; the domain it names is a hint."""
    assert illegible("https://protect-eu.mimecast.com/s/AbC?domain=zoom.us") == "zoom.us"
    assert illegible("https://url.uk.m.mimecastprotect.com/s/AbC") == ""
    assert illegible(ZOOM) is None


def test_in_a_text_only_links_change() -> None:
    """Words, punctuation and brackets around a link are as they were."""
    wrapped = f"{SAFE}{quote(ZOOM, safe='')}&reserved=0"
    assert (
        unwrap_text(f"Join <{wrapped}>, or ({wrapped}).\n{wrapped}\tBye!")
        == f"Join <{ZOOM}>, or ({ZOOM}).\n{ZOOM}\tBye!"
    )


def test_in_html_the_ampersand_is_written_out() -> None:
    """The source of a page says &amp; where it means &; an address that is not rewritten stays as it was written."""
    assert unwrap_html(f"{SAFE}{quote(ZOOM, safe='')}&amp;data=x") == ZOOM
    assert unwrap_html("https://example.com/?a=1&amp;b=2") == "https://example.com/?a=1&amp;b=2"


@given(TARGETS)
def test_what_was_wrapped_comes_out(target: str) -> None:
    """Every gateway's rule is the inverse of what the gateway does."""
    assert unwrap(SAFE + quote(target, safe="")) == target
    assert unwrap(f"https://secure-web.cisco.com/1a/{quote(target, safe='')}") == target
    assert unwrap(version_3(target)) == target


@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters="*_;!%"),
        max_size=80,
    )
)
def test_proofpoint_counts_bytes(words: str) -> None:
    """Runs are as long as the UTF-8 of what they stand for."""
    target = f"https://example.com/{words}"
    assert unwrap(version_3(target)) == target


@given(st.text(max_size=200))
def test_undoing_never_fails_and_ends(text: str) -> None:
    """Anything may stand where a link should."""
    for start in (
        "",
        SAFE,
        "https://urldefense.com/v3/__",
        "https://secure-web.cisco.com/a/",
        "https://google.de/url?q=",
    ):
        once = unwrap(start + text)
        assert unwrap(once) == once
    assert isinstance(unwrap_text(text), str)


@given(st.text("ab <>()\n.,https://", max_size=80))
def test_a_text_without_wrappers_is_untouched(text: str) -> None:
    """Only rewritten links are replaced."""
    assert unwrap_text(text) == text


def rows() -> list[dict[str, Any]]:
    found = [json.loads(line) for line in SHELF.read_text().splitlines()] if SHELF.exists() else []
    return [row for row in found if not row.get("policy")]


@pytest.mark.skipif(not SHELF.exists(), reason="the borrowed table lies in ../shared, which is not here")
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_borrowed_cases(row: dict[str, Any]) -> None:
    """What the tests of other decoders agree on holds here too."""
    undo = unwrap_text if row.get("text") else unwrap_html if row.get("html") else unwrap
    found = undo(row["input"])
    assert (unquote(found) if row.get("option") == "unquote" else found) == row["expect"]
