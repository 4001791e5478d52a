"""What an administrator may put into the templates folder, file by file, and what is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connector.errors import ConfigError, Problem
from connector.meeting.invitation.shape import decorated
from connector.meeting.invitation.template import BlockTemplate, Text, shipped
from connector.meeting.invitation.wording import FALLBACK, SHIPPED, Words, best, words_of

LONGEST_HEADER = 1_024
"""Characters of a header or footer."""

LONGEST_FILE = 64 * 1024
"""Characters of a template or a language's file."""

_TAG = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"
_FILE = re.compile(
    rf"(?P<block>block)(?:\.(?P<of>{_TAG}))?\.(?P<form>html|txt)\.jinja"
    rf"|(?P<edge>header|footer)(?:\.(?P<in>{_TAG}))?\.txt|(?P<words>{_TAG})\.toml"
)
_NAMES = (
    "block.html.jinja, block.sv.html.jinja, block.txt.jinja, header.txt, header.sv.txt, footer.txt, sv.toml"
)


@dataclass(frozen=True, slots=True)
class Texts:
    """Words, headers, footers and templates by language; "" is what holds where a language has none of its own."""

    words: Mapping[str, Words]
    headers: Mapping[str, str]
    footers: Mapping[str, str]
    html: Mapping[str, BlockTemplate]
    plain: Mapping[str, BlockTemplate]

    def text(self, language: str) -> Text:
        """What the templates of a language are filled with."""
        return Text(self.words[language], _of(self.headers, language), _of(self.footers, language))

    def template(self, language: str, *, is_html: bool) -> BlockTemplate:
        """The template of a language for HTML or plain text."""
        found = self.html if is_html else self.plain
        return found.get(language) or found[""]


def _of(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get("", "")


def texts(given: Mapping[str, str], folder: str = "") -> Texts:
    """Read the files of a templates folder, by name; hidden files and editors' copies (``name~``) are passed over.

    Everything is tried out. Raises ConfigError with every problem, each naming file and line.
    """
    made = _Reading(folder)
    for name, content in sorted(given.items()):
        if not name.startswith(".") and not name.endswith("~"):
            made.take(name, content)
    return made.done()


class _Reading:
    """Gathers the files and what is wrong with them."""

    def __init__(self, folder: str) -> None:
        self._folder = folder.rstrip("/")
        self._problems: list[Problem] = []
        self._named: list[tuple[str, str]] = []
        self._words: dict[str, Words] = dict(SHIPPED)
        self._edges: dict[str, dict[str, str]] = {"header": {}, "footer": {}}
        self._blocks: dict[str, dict[str, BlockTemplate]] = {
            form: {"": BlockTemplate(shipped(form), f"block.{form}.jinja")} for form in ("html", "txt")
        }

    def take(self, name: str, content: str) -> None:
        file = f"{self._folder}/{name}" if self._folder else name
        found = _FILE.fullmatch(name)
        try:
            if found is None:
                raise _refused(f"this file is no part of a join block; there are {_NAMES}", file)
            if len(content) > LONGEST_FILE:
                raise _refused(f"the file has more than {LONGEST_FILE} characters; shorten it", file)
            if found["words"]:
                self._take_words(found["words"], content, file)
            elif found["edge"]:
                self._named.append((file, found["in"] or ""))
                self._edges[found["edge"]][found["in"] or ""] = _edge(content, found["edge"], file)
            else:
                self._named.append((file, found["of"] or ""))
                self._blocks[found["form"]][found["of"] or ""] = BlockTemplate(content, file)
        except ConfigError as error:
            self._problems += error.problems

    def _take_words(self, language: str, content: str, file: str) -> None:
        parent = best(language, SHIPPED)
        self._words[language] = words_of(language, content, file, SHIPPED[parent] if parent else None)

    def done(self) -> Texts:
        self._check_languages()
        made = Texts(
            MappingProxyType(self._words),
            MappingProxyType(self._edges["header"]),
            MappingProxyType(self._edges["footer"]),
            MappingProxyType(self._blocks["html"]),
            MappingProxyType(self._blocks["txt"]),
        )
        for templates in self._blocks.values():
            for language, template in templates.items():
                self._attempt(template, made.text(language if language in self._words else FALLBACK))
        if self._problems:
            raise ConfigError(tuple(self._problems))
        return made

    def _attempt(self, template: BlockTemplate, text: Text) -> None:
        try:
            template.attempt(text)
        except ConfigError as error:
            self._problems += error.problems

    def _check_languages(self) -> None:
        for file, language in self._named:
            if language and language not in self._words:
                sentence = f"there is no language {language} for this file; {known(self._words)}"
                self._problems.append(Problem(sentence, file))


def known(languages: Mapping[str, Words]) -> str:
    """The end of a sentence that names the languages there are."""
    return f"there are {', '.join(sorted(languages))}, and any that you add as TAG.toml among the templates"


def _edge(content: str, kind: str, file: str) -> str:
    text = content.strip().replace("\r\n", "\n")
    if len(text) > LONGEST_HEADER:
        raise _refused(
            f"a {kind} has at most {LONGEST_HEADER} characters, this one has {len(text)}; shorten it", file
        )
    if not all(line.isprintable() for line in text.replace("\t", " ").split("\n")):
        raise _refused(f"the {kind} holds control characters; take them out", file)
    if decorated(text):
        raise _refused(
            f"the {kind} holds ~-~, which marks where a join block begins and ends; take it out", file
        )
    return text


def _refused(sentence: str, file: str) -> ConfigError:
    return ConfigError((Problem(sentence, file),))
