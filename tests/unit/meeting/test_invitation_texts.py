"""What an administrator puts into the templates folder, and the one sentence where it can't be used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import ConfigError
from connector.meeting.invitation import Invitations, Left, Written
from connector.meeting.invitation.details import SAMPLE
from connector.meeting.invitation.template import LONGEST_INSIDE
from connector.meeting.invitation.texts import LONGEST_FILE, LONGEST_HEADER
from connector.model import JoinDetails


def made(
    files: dict[str, str], language: str = "en", *, is_html: bool = False, details: JoinDetails = SAMPLE
) -> str:
    """A block by these files."""
    written = Invitations(templates=files, folder="/etc/t").put("", details, language, is_html=is_html)
    assert isinstance(written, Written)
    return written.body


def refused(files: dict[str, str]) -> list[str]:
    """The problems of these files."""
    with pytest.raises(ConfigError) as error:
        Invitations(templates=files, folder="/etc/t")
    return [str(problem) for problem in error.value.problems]


def test_a_header_and_a_footer_stand_around_the_details() -> None:
    """One for all languages, or one for each; in HTML escaped, with their line breaks."""
    files = {
        "header.txt": "Welcome & hello\nto us\n",
        "header.sv.txt": "Välkommen",
        "footer.txt": "Questions? 1234",
    }
    assert made(files).splitlines()[1:4] == ["Welcome & hello", "to us", ""]
    assert made(files, "sv").splitlines()[1] == "Välkommen"
    assert made(files, "sv").splitlines()[-2] == "Questions? 1234"
    assert "Welcome &amp; hello<br>to us" in made(files, is_html=True)


def test_a_template_replaces_the_shipped_one() -> None:
    """For all languages, or for one; values in HTML are escaped, in text they are not."""
    files = {
        "block.txt.jinja": "{{ words.join }}: {{ details.url }}\n{{ details.passcode }}",
        "block.de.txt.jinja": "Los: {{ details.url }}",
        "block.html.jinja": "<p>{{ details.passcode }}</p>",
    }
    odd = replace(SAMPLE, passcode="<&>")
    assert made(files, details=odd).splitlines()[1:-1] == ["Join: https://meet.example.com/room", "<&>"]
    assert made(files, "de").splitlines()[1:-1] == ["Los: https://meet.example.com/room"]
    assert "<p>&lt;&amp;&gt;</p>" in made(files, is_html=True, details=odd)


def test_a_template_may_count_and_shorten() -> None:
    """What makes no long text of a short one is there."""
    files = {
        "block.txt.jinja": "{{ 2 * 3 % 4 }} {{ details.passcode.lower() }} {{ details.phones | length }}"
    }
    assert made(files).splitlines()[1] == "2 ab12 2"


def test_a_label_can_be_changed_and_a_language_added() -> None:
    """What the file leaves out stays as it is shipped; a new language needs all labels, or a shipped parent."""
    files = {"sv.toml": 'title = "Delta"\n', "de-CH.toml": 'title = "Mitmachen"'}
    assert "~-~ Delta ~-~" in made(files, "sv")
    assert "Lösenkod: Ab12" in made(files, "sv")
    swiss = Invitations(templates=files).language_for("de-CH", None)
    assert swiss == "de-CH"
    assert "Mitmachen" in made(files, swiss)
    assert "Kenncode: Ab12" in made(files, swiss)


def test_hidden_files_and_copies_are_passed_over() -> None:
    """As editors leave them."""
    assert made({".header.txt.swp": "\x00", "header.txt~": "old"}) == made({})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("block.txt.jinja", "a\n{{ nothing }}", "/etc/t/block.txt.jinja:2: there is no nothing; a template may name details"),
        ("block.txt.jinja", "\n\n{{ details.pin }}", "/etc/t/block.txt.jinja:3: there is no details.pin; details has"),
        ("block.txt.jinja", "{% if false %}\n{{ words.pin }}{% endif %}", "/etc/t/block.txt.jinja:2: there is no words.pin"),
        ("block.html.jinja", "<p>\n{% if x %}", "/etc/t/block.html.jinja:2: this is no template ("),
        ("block.html.jinja", "{{ details.url | shout }}", "/etc/t/block.html.jinja:1: this is no template (No filter named 'shout'"),
        ("block.txt.jinja", "\n{{ details.phones[3].number }}", "/etc/t/block.txt.jinja:2: the template can't be filled ("),
        ("block.txt.jinja", "\n{{ 1 / 0 }}", "/etc/t/block.txt.jinja:2: the template can't be filled ("),
        ("block.txt.jinja", "{{ details.__class__.__mro__ }}", "/etc/t/block.txt.jinja:1: there is no details.__class__"),
        ("block.txt.jinja", "{% include 'x' %}", "/etc/t/block.txt.jinja:1: the template can't be filled ("),
        ("block.txt.jinja", "{{ 'a' * 100000000 }}", "/etc/t/block.txt.jinja:1: the template can't be filled (* is not"),
        ("block.txt.jinja", "{{ 9 ** 9 ** 9 }}", "/etc/t/block.txt.jinja:1: the template can't be filled (** is not"),
        ("block.txt.jinja", "{{ '%999999999d' % 1 }}", "/etc/t/block.txt.jinja:1: the template can't be filled (% is not"),
        ("block.txt.jinja", "{{ 'a'.center(999999999) }}", "/etc/t/block.txt.jinja:1: the template can't be filled ("),
        ("block.html.jinja", "{{ details.url | safe }}", "/etc/t/block.html.jinja:1: this is no template (No filter named 'safe'"),
        ("block.txt.jinja", "{{ range(9) }}", "/etc/t/block.txt.jinja:1: there is no range"),
        ("block.txt.jinja", "x" * (LONGEST_INSIDE + 1), "the template can't be filled (it makes more than"),
        ("block.txt.jinja", "~-~-~", "the template makes ~-~, which marks"),
        ("block.txt.jinja", "x" * (LONGEST_FILE + 1), "the file has more than"),
        ("block.xx.txt.jinja", "x", "there is no language xx for this file; there are ar, cs"),
        ("header.xx.txt", "x", "there is no language xx for this file"),
        ("header.txt", "x" * (LONGEST_HEADER + 1), "a header has at most 1024 characters, this one has 1025; shorten it"),
        ("footer.sv.txt", "a\x07", "the footer holds control characters"),
        ("footer.txt", "~-~-~", "the footer holds ~-~, which marks"),
        ("headre.txt", "x", "/etc/t/headre.txt: this file is no part of a join block; there are block.html.jinja"),
        ("sv.toml", "a =", "/etc/t/sv.toml:1: this is no TOML ("),
        ("sv.toml", '\ntytle = "x"', "/etc/t/sv.toml:2: tytle is no label of a join block; there are title"),
        ("sv.toml", "title = 3", "/etc/t/sv.toml:1: title is a text of 1 to 120 characters on one line"),
        ("sv.toml", 'title = "~"', "/etc/t/sv.toml:1: title holds ~, which marks"),
        ("sv.toml", 'direction = "up"', "/etc/t/sv.toml:1: direction is ltr or rtl"),
        ("sv.toml", 'mail_from = "x"', "/etc/t/sv.toml:1: mail_from is a list of labels"),
        ("tlh.toml", 'title = "x"', "/etc/t/tlh.toml: this language lacks join, meeting_id"),
    ],
)  # fmt: skip
def test_what_can_not_be_used_is_refused_by_one_sentence(name: str, content: str, sentence: str) -> None:
    """It names the file, and the line where there is one."""
    (problem,) = refused({name: content})
    assert sentence in problem
    assert problem.startswith(f"/etc/t/{name}:")


def test_all_problems_are_named_at_once() -> None:
    """An administrator mends them in one go."""
    assert len(refused({"headre.txt": "x", "sv.toml": "x", "block.txt.jinja": "{{ a }}{{ b }}"})) == 4


def test_a_template_that_fails_for_one_meeting_leaves_it_alone() -> None:
    """What the samples did not show stops no other meeting."""
    files = {"block.txt.jinja": "{% if details.service == 'odd' %}{{ 1 / 0 }}{% endif %}{{ details.url }}"}
    invitations = Invitations(templates=files)
    assert invitations.put("", replace(SAMPLE, service="odd"), "en", is_html=False) is Left.TEMPLATE
    assert isinstance(invitations.put("", SAMPLE, "en", is_html=False), Written)
