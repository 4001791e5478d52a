"""The small YAML that configuration files are written in."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.config import load_text, tree
from connector.config.tree import Mark, find, merge, parse, plain
from connector.errors import ConfigError

YAMLISH = st.text(alphabet="ab1:-?[]{},&*!|>'\"%@`#\\ \n\t~<=\x00\x85\u2028é\ufeff", max_size=60)


def read(text: str) -> tuple[object, list[str]]:
    parsed = parse(text.encode(), "f")
    return plain(parsed.tree), [problem.sentence for problem in parsed.problems]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), YAMLISH))
@example("\ud800: 1")
@example('"\\ud800": "\\ud800"')
@example('"\\U99999999"')
@example("%YAML 9999999999999999999.1\n---\na")
@example("[" * 5000)
@example("- " * 5000)
@example("a: &a [*a]")
@example("? ? ? ?")
@example("a: {b: 1")
@example("a: !<tag:yaml.org,2002:binary> x")
@example("\ufeff\ufeffa: 1")
@example("version: " + "9" * 5000)
def test_any_text_is_read_or_refused_as_configuration(text: str) -> None:
    """Whatever a file holds, reading it raises nothing but ConfigError with sentences that can be shown."""
    told = "nothing"
    try:
        load_text(text)
    except ConfigError as error:
        told = str(error)
    assert told.encode()


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Bytes that are no UTF-8 are a problem at their line, never an exception."""
    parsed = parse(raw, "f")
    assert parsed.whole or parsed.problems


WORDS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(10**17), 10**17), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_json_is_read_as_what_it_says(data: dict[str, object]) -> None:
    """Maps, lists, words, numbers and booleans come out as they were written."""
    import json  # noqa: PLC0415 - the only use

    content, wrong = read(json.dumps(data))
    assert (content, wrong) == (data, [])


@pytest.mark.parametrize("word", ["off", "on", "yes", "no", "Off", "NO", "y", "n", "True", "FALSE"])
def test_only_true_and_false_are_booleans(word: str) -> None:
    """The words that YAML 1.1 takes for booleans stay words."""
    assert read(f"a: {word}") == ({"a": word}, [])
    assert read("a: [true, false]") == ({"a": [True, False]}, [])


@pytest.mark.parametrize(
    "word", ["2027-03-01", "18:00-06:00", "1:30", "0x1F", "012", "1_000", "1e3", ".5", "+1", ".inf"]
)
def test_what_only_looks_like_a_number_stays_a_word(word: str) -> None:
    """Dates, clock times, octal, hexadecimal and exotic numbers are never converted behind one's back."""
    assert read(f"a: {word}") == ({"a": word}, [])


def test_quotes_make_a_word() -> None:
    """A quoted number or boolean is text."""
    assert read("a: ['1', \"true\", '']") == ({"a": ["1", "true", ""]}, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3", "a stands here a second time (first in line 1); keep one"),
        ("a: !x 1", "remove the tag"),
        ("a: !!python/name:os.system x", "remove the tag !!python/name:os.system"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("- a", "the file must consist of lines such as"),
        ("just words", "the file must consist of lines such as"),
        ("[a]: 1", "a key must be a single word"),
        ("? {a: b}\n: 1", "a key must be a single word"),
        (": 1", "the key before the colon is missing"),
        ("a: *b", "put quotes around a value that begins with *"),
        ("a: &b [*b]", "there is no &b above"),
        ("a: [1", "the list is not closed"),
        ("a: {b: 1", "the map is not closed"),
        ("a: 'x", "the quotes are not closed"),
        ("a: @x", "put quotes around a value that begins with @"),
        ("a: %x", "put quotes around a value that begins with %"),
        ("a:\n\tb: 1", "indent with spaces, not with a tab"),
        ("a: b: c", "a colon followed by a space ends a key"),
        ("a: 1\n b: 2", "a colon followed by a space ends a key"),
        ("a:\n    b: 1\n  c: 2", "the indentation of this line fits no line above it"),
        ('a: "C:\\Users"', "a backslash in double quotes begins an escape"),
        ("a: [1,,2]", "a value is missing here"),
        ("a: - b", "a list written with -"),
        ("a: |b", "nothing may follow |"),
        ("a: 'x' y", "the value goes on after its closing quote"),
        ("a: &", "put quotes around a value that begins with & or *"),
        ("%TAG x", "remove the line that begins with %"),
        ("a: !<", "tags (!) are not used here"),
        ("a: 1\nb", "a colon and a space are missing after the key"),
        ('a: "\\u0007"', "a character that can't be shown"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(text: str, words: str) -> None:
    """A slip in the YAML is answered by what to write instead."""
    _, wrong = read(text)
    assert len(wrong) == 1
    assert words in wrong[0]


def test_places_are_kept() -> None:
    """Every key and list item knows its file, line and column; a path that goes on is found as far as it goes."""
    parsed = parse(b"a:\n  b: [x, y]\n", "f.yaml")
    assert find(parsed.tree, ("a", "b")) == (Mark("f.yaml", 2, 3), True)
    assert find(parsed.tree, ("a", "b", 1)) == (Mark("f.yaml", 2, 10), True)
    assert find(parsed.tree, ("a", "c", "d")) == (Mark("f.yaml", 1, 1), False)


def test_an_unclosed_list_is_shown_where_it_begins() -> None:
    """The line of a list that is not closed is that of its bracket, not where the parser noticed."""
    parsed = parse(b"a: 1\nb: [x\nc: 2\nd: 3\n", "f")
    assert [problem.line for problem in parsed.problems] == [2]


def test_anchors_repeat_a_value() -> None:
    """An alias stands for the value of its anchor."""
    assert read("a: &x [1, 2]\nb: *x") == ({"a": [1, 2], "b": [1, 2]}, [])


def test_aliases_can_not_multiply() -> None:
    """Aliases of aliases are refused before they use up memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    _, wrong = read("\n".join(lines))
    assert wrong == ["more than 100000 values up to here; keep lists of people in a CSV"]


def test_a_file_is_bounded_in_size_and_depth() -> None:
    """A file above 1 MiB, or nested too deep, is refused in a sentence."""
    assert read("#" * (tree.MAX_BYTES + 1))[1] == [
        "the file is larger than 1 MiB; keep lists of people in a CSV"
    ]
    assert read("a: " + "[" * 30 + "]" * 30)[1] == ["this is nested more than 24 deep"]


def test_a_file_in_another_encoding_is_named_with_its_line() -> None:
    """Bytes that are no UTF-8 are shown at their line."""
    parsed = parse("a: 1\nb: ö\n".encode("latin-1"), "f")
    assert [(problem.line, problem.sentence) for problem in parsed.problems] == [
        (2, "the file is not UTF-8 here; save it as UTF-8")
    ]


def test_a_byte_order_mark_is_no_harm() -> None:
    """An editor's byte order mark does not belong to the first key."""
    assert plain(parse(b"\xef\xbb\xbfa: 1", "f").tree) == {"a": 1}


def test_maps_merge_and_lists_replace() -> None:
    """The later file wins by name, keeps what it does not name, and appends what is new."""
    under = parse(b"m: {a: {x: 1, y: 2}, b: {}}\nl: [1, 2]\ns: 1", "1").tree
    over = parse(b"m: {c: {}, a: {y: 3}}\nl: [3]\ns: {t: 1}", "2").tree
    both = merge(under, over)
    assert plain(both) == {"m": {"a": {"x": 1, "y": 3}, "b": {}, "c": {}}, "l": [3], "s": {"t": 1}}
    assert list(plain(both)["m"]) == ["a", "b", "c"]
    assert find(both, ("m", "a", "y"))[0].file == "2"
    assert find(both, ("m", "a", "x"))[0].file == "1"
