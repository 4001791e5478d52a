"""The wire of key services, and everything that is sealed, under fire for a bounded time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed here")
@pytest.mark.parametrize("module", ["kmswire", "sealing"])
def test_no_input_leads_to_anything_but_a_message_or_a_verdict(tmp_path: Path, module: str) -> None:
    """Twenty seconds of mutated tokens and bodies for every parser, in a process of its own."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    command = [sys.executable, "-m", f"tests.fuzz.{module}", f"-max_total_time={SECONDS}", "-max_len=8192"]
    done = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/", str(corpus)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS + 90,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Done" in done.stderr
