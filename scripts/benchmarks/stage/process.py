"""Processes of a benchmark: started with a pipe that ends them, and read by way of /proc (proc(5))."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.stage.wire import many_files

ROOT = Path(__file__).resolve().parents[3]
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """A process at one moment: resident kB (all, and what no file backs), threads, sockets, CPU seconds used so far."""

    rss: int
    anonymous: int
    threads: int
    sockets: int
    cpu: float


def read(pid: int) -> Reading:
    """What the kernel says of it."""
    folder = Path("/proc", str(pid))
    status = dict(line.split(":", 1) for line in (folder / "status").read_text(encoding="ascii").splitlines())
    fields = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return Reading(
        rss=_kilobytes(status["VmRSS"]),
        anonymous=_kilobytes(status["RssAnon"]),
        threads=int(status["Threads"]),
        sockets=sum(_is_socket(each) for each in (folder / "fd").iterdir()),
        cpu=(int(fields[11]) + int(fields[12])) / TICKS,
    )


def _kilobytes(text: str) -> int:
    return int(text.split(maxsplit=1)[0])


def _is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:  # closed since the folder was listed
        return False


class Server:
    """A module of the stage as a process of its own; it tells its port and ends with its standard input."""

    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        many_files()
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        line = self.process.stdout.readline() if self.process.stdout else b""
        if not line:
            raise RuntimeError(f"{module} did not start:\n{log.read_text(encoding='utf-8')}")
        self.port = int(line)

    def stop(self) -> None:
        """End it."""
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
