"""Files into one checked configuration, or every problem there is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from connector.config import checks, files, owners
from connector.config.models import Config
from connector.config.problems import explain, locate, spell
from connector.config.provenance import Origin, Source, leaves, origins, written
from connector.config.salvage import salvage
from connector.config.tree import MAX_BYTES, Entries, Mark, Parsed, merge, parse, plain
from connector.config.tree import Path as Path_
from connector.errors import ConfigError, Problem

DEFAULT_PATH = Path("/etc/calendar-connector/connector.yaml")

MAX_FILES = 200
MAX_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that holds, where each value comes from, remarks, and the digest of what is in force."""

    config: Config
    provenance: Mapping[str, Source]
    notes: tuple[str, ...]
    digest: str

    def origin(self, path: Path_) -> Origin | None:
        """The first line that sets something at or below a path; None where everything there is a default."""
        spelled = spell(path)
        below = tuple(f"{spelled}{mark}" for mark in ".[")
        for key, source in self.provenance.items():
            if isinstance(source, Origin) and (key == spelled or key.startswith(below)):
                return source
        return None

    def placed(self, error: ConfigError) -> ConfigError:
        """The same problems, each that begins with the path of a key at the line of that key."""
        return ConfigError(tuple(self._placed(problem) for problem in error.problems))

    def _placed(self, problem: Problem) -> Problem:
        key = problem.sentence.partition(" ")[0].rstrip(":")
        origin = self.provenance.get(key)
        if problem.file or not isinstance(origin, Origin):
            return problem
        return replace(problem, file=origin.file, line=origin.line)


def load(path: Path = DEFAULT_PATH) -> Loaded:
    """Read ``path`` and ``conf.d/*.yaml`` beside it, in the order of their names; the later file wins.

    Raises ConfigError with every problem found in all of them; a file of somebody else's is not read at all.
    """
    draft = _Draft()
    draft.lay_over(_read(path))
    folder = path.parent / "conf.d"
    for name in draft.parts(folder):
        draft.lay_over(_read(folder / name))
    return draft.finished()


def load_text(text: str, file: str = "connector.yaml", *, with_files: bool = True) -> Loaded:
    """Read a configuration from text; ``file`` is what problems call it. Raises ConfigError.

    Without ``with_files`` the files that it names are not looked at: of a configuration already in force they may be gone.
    """
    draft = _Draft(with_files=with_files)
    draft.lay_over(parse(text.encode("utf-8", "surrogatepass"), file))
    return draft.finished()


def digest(config: Config) -> str:
    """SHA-256 in hexadecimal over every value in force, defaults too; comments and layout do not count."""
    values = [[list(leaf.path), written(leaf.value)] for leaf in leaves(config)]
    return hashlib.sha256(json.dumps(values, ensure_ascii=True).encode()).hexdigest()


class _Draft:
    """Files laid over each other, and what was found wrong on the way."""

    def __init__(self, *, with_files: bool = True) -> None:
        self._with_files = with_files
        self._tree: Entries | None = None
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._whole = True

    def lay_over(self, parsed: Parsed) -> None:
        self._tree = merge(self._tree, parsed.tree) if self._tree else parsed.tree
        self._problems.extend(parsed.problems)
        self._whole = self._whole and parsed.whole

    def parts(self, folder: Path) -> Iterator[str]:
        try:
            names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
        except FileNotFoundError:
            return
        except OSError as error:
            self._problems.append(Problem(f"the directory can't be read: {error.strerror}", str(folder)))
            return
        wanted = [name for name in names if name.endswith(".yaml")]
        self._notes.extend(
            f"{folder / name} is not read; name it .yaml" for name in names if name.endswith(".yml")
        )
        if len(wanted) > MAX_FILES:
            self._problems.append(Problem(f"more than {MAX_FILES} files; put them together", str(folder)))
        yield from wanted[:MAX_FILES]

    def finished(self) -> Loaded:
        tree = self._tree or Entries({}, Mark("", 0, 0), 1)
        config = self._validated(tree)
        if config is None or self._problems:
            raise ConfigError(_in_order(self._problems))
        found = files.remarks(config) if self._with_files else ()
        remarks = tuple(str(locate(tree, path, sentence)) for path, sentence in found)
        notes = (*self._notes, *remarks)
        return Loaded(config, origins(config, tree), notes, digest(config))

    def _validated(self, tree: Entries) -> Config | None:
        data = plain(tree)
        rest: Config | None
        try:
            rest = config = Config.model_validate(data)
        except ValidationError as error:
            wrong = tuple(explain(error.errors(include_url=False), tree, Config))
            self._problems.extend(one.problem for one in wrong if self._whole or not one.absent)
            rest, config = salvage(data, tuple(one.path for one in wrong)), None
        if rest and self._whole:
            found = checks.check(rest, data, with_files=self._with_files)
            self._problems.extend(locate(tree, path, sentence) for path, sentence in found)
        return config


def _read(path: Path) -> Parsed:
    try:
        with path.open("rb") as file:
            sentence = owners.objection(path, os.fstat(file.fileno()))
            if not sentence:
                return parse(file.read(MAX_BYTES + 1), str(path))
    except FileNotFoundError:
        sentence = f"there is no such file; begin with: calendar-connector config sample > {path}"
    except OSError as error:
        sentence = f"the file can't be read: {error.strerror}"
    return replace(parse(b"", str(path)), problems=(Problem(sentence, str(path)),), whole=False)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Sort by place; of an endless list the beginning is enough to mend."""
    unique = dict.fromkeys(problems)
    ordered = sorted(unique, key=lambda problem: (problem.file, problem.line, problem.column))
    further = len(ordered) - MAX_PROBLEMS
    rest = (Problem(f"and {further} further problems; mend these first"),) if further > 0 else ()
    return (*ordered[:MAX_PROBLEMS], *rest)
