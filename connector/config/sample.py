"""The commented sample that ships with the program."""

from __future__ import annotations

from importlib.resources import files


def sample() -> str:
    """Give the text of the sample; it is also installed as etc/connector.yaml."""
    return files("connector.config").joinpath("sample.yaml").read_text(encoding="utf-8")
