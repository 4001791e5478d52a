"""Rosters in CSV files, as spreadsheets and scripts leave them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.roster.base import RosterUnreadable
from connector.roster.csvfile import LARGEST, CsvRoster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "staff.csv"


def read(path: Path, content: str | bytes) -> tuple[str, ...]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return CsvRoster("staff", path, "staff").addresses()


def refusal(path: Path, content: str | bytes) -> str:
    with pytest.raises(RosterUnreadable) as caught:
        read(path, content)
    assert str(path) in str(caught.value)
    return str(caught.value)


BOTH = ("ada@example.com", "bob@example.com")


@pytest.mark.parametrize(
    "content",
    [
        "address\nada@example.com\nbob@example.com\n",
        "address\r\nada@example.com\r\nbob@example.com\r\n",
        "address\rada@example.com\rbob@example.com\r",
        b"\xef\xbb\xbfaddress\nada@example.com\nbob@example.com",
        b'\xef\xbb\xbf"Address"\r\n"ada@example.com"\r\n"bob@example.com"\r\n',
        "name;address;room\nLovelace, Ada;ada@example.com;5\nBob;bob@example.com;\n",
        "name\taddress\nAda\tada@example.com\nBob\tbob@example.com\n",
        'name,address\n"Lovelace, Ada",ada@example.com\n"Bob ""B"" Babbage",bob@example.com\n',
        'note,address\n"two\nlines",ada@example.com\n,bob@example.com\n',
        " ADDRESS , name\n Ada@Example.com ,Ada\nBOB@example.com,\n",
        "# made by hand\n\naddress\n# leavers below\nada@example.com\n\n#eve@example.com\nbob@example.com\n",
        "address\nada@example.com\nADA@example.com\nbob@example.com\n\nada@example.com\n",
        "address,name\nada@example.com\n,nobody\nbob@example.com,Bob,5,6\n",
    ],
    ids=[
        "plain",
        "CRLF",
        "CR",
        "BOM",
        "BOM, quotes and CRLF",
        "semicolons",
        "tabs",
        "quoted commas",
        "quoted line",
        "capitals and blanks",
        "comments and blank lines",
        "twice",
        "short and long rows",
    ],
)
def test_the_column_is_found(path: Path, content: str | bytes) -> None:
    """Lower-case, in the order of the file, each once, whatever stands around it."""
    assert read(path, content) == BOTH


def test_it_is_read_anew_at_each_run(path: Path) -> None:
    """Nothing is remembered."""
    roster = CsvRoster("staff", path, "room")
    path.write_text("address\nada@example.com\n")
    assert roster.addresses() == ("ada@example.com",)
    path.write_text("address\nbob@example.com\n")
    assert roster.addresses() == ("bob@example.com",)
    assert (roster.name, roster.policy) == ("staff", "room")


def test_a_whole_company(path: Path) -> None:
    """25,000 lines."""
    lines = "".join(f"u{number}@example.com;{number}\n" for number in range(25_000))
    addresses = read(path, f"address;number\n{lines}")
    assert len(addresses) == 25_000
    assert addresses[-1] == "u24999@example.com"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the first line must name the columns, one of them: address"),
        ("\n\n", "the first line must name the columns"),
        ("mail\nada@example.com\n", "the first line must name the columns"),
        ("ada@example.com\nbob@example.com\n", "the first line must name the columns"),
        ("address\n", "names nobody; nothing was changed"),
        ("address\n\n,\n# ada@example.com\n", "names nobody; nothing was changed"),
        ("address\nada@example.com\nbob@exam", "“bob@exam” is no mail address; nothing was changed"),
        ("address\nada\n", "“ada” is no mail address"),
        ("address\nada@b@example.com\n", "is no mail address"),
        ("address\nada lovelace@example.com\n", "is no mail address"),
        (f"address\n{'a' * 300}@example.com\n", "is no mail address"),
        ("address\nada@example.com;bob@example.com\n", "is no mail address"),
        (b"address\n\xe5da@example.com\n", "is not UTF-8 text"),
        ("address\nada@example.com\n".encode("utf-16"), "is not UTF-8 text"),
        ('address,name\nada@example.com,"never closed\n', "is no CSV file"),
        (f'address\n"{"x" * 200_000}"\n', "is no CSV file"),
        (b"x" * (LARGEST + 1), "is larger than"),
    ],
)
def test_what_is_not_to_be_believed(path: Path, content: str | bytes, words: str) -> None:
    """One sentence with the file's name; a file cut short in the middle of a line is none."""
    sentence = refusal(path, content)
    assert words in sentence
    assert len(sentence) < 400 + len(str(path))


def test_a_file_that_is_not_there_or_no_file(path: Path) -> None:
    """In the words of the system."""
    with pytest.raises(RosterUnreadable, match="can't be read: No such file"):
        CsvRoster("staff", path, "staff").addresses()
    path.mkdir()
    with pytest.raises(RosterUnreadable, match="can't be read: Is a directory"):
        CsvRoster("staff", path, "staff").addresses()


NAMES = st.from_regex(r"[a-z0-9.'+-]{1,30}@[a-z0-9-]{1,20}\.example", fullmatch=True)


@given(names=st.lists(NAMES, min_size=1, max_size=30, unique=True), notes=st.lists(st.text(max_size=20)))
def test_whatever_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], notes: list[str]
) -> None:
    """Any text in the other columns: commas, quotes, line ends, #."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["address", "note"])
    for number, name in enumerate(names):
        writer.writerow([name, notes[number % len(notes)] if notes else ""])
    path = tmp_path_factory.getbasetemp() / "staff.csv"
    assert read(path, buffer.getvalue().encode("utf-8", "replace")) == tuple(names)


@given(content=st.binary(max_size=300))
def test_no_bytes_do_harm(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any file either names addresses or is refused with a sentence."""
    path = tmp_path_factory.getbasetemp() / "staff.csv"
    try:
        addresses = read(path, b"address,\n" + content)
    except RosterUnreadable:
        return
    assert all("@" in one for one in addresses)
