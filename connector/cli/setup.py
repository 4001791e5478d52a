"""calendar-connector setup: from a bare machine to a running service, by four answers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from connector.app import setup as work
from connector.app.ground import open_keystore
from connector.cli import doctor as checks
from connector.cli.mailbox import activate
from connector.cli.office import login
from connector.cli.options import Frame, UsageRefused, common_options
from connector.config import Loaded, load
from connector.config.answers import QUESTIONS, Answers, read_answers
from connector.control.client import DaemonNotRunning, call
from connector.errors import UserError

UNIT = "calendar-connector"
SYSTEMD = Path("/run/systemd/system")
START_SECONDS = 120.0

ASKED = {
    "exchange": "Address of Exchange's web services (https://...), or your mail domain",
    "account": "Service account (it needs ApplicationImpersonation)",
    "password": "Its password",
    "hub": "Address of the hub (https://...)",
    "token": "Enrolment token, from: calendar-connector-hub token create --enrolment NAME",
}


@click.command()
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the answers from a YAML file (0600) instead of asking.",
)
@common_options
def setup(frame: Frame, *, answers: Path | None) -> int:
    """Ask for Exchange, service account, hub and enrolment token; configure, check, start, and show the first mailbox.

    A configuration that is there already is kept, and only what is missing is asked for: running it again is safe.
    """
    place = work.Place(frame.config_path)
    given = read_answers(answers) if answers else Answers()
    work.check_owners(place)
    loaded = _kept(frame, place) if place.path.exists() else _installed(frame, place, given)
    fine = checks.examine(frame, loaded)
    if not fine:
        frame.out.warn("mend what failed and run setup again; what you answered is kept")
        return 1
    running = _start(frame, loaded)
    if given.mailbox and running:
        return activate_first(frame, given.mailbox)
    frame.out.say("next: calendar-connector mailbox activate ADDRESS --wait")
    return 0


def _kept(frame: Frame, place: work.Place) -> Loaded:
    """A configuration is there: it stays. What it lacks is told by name."""
    loaded = frame.load()
    work.check_state(loaded.config)
    frame.out.say(f"{place.path} is there and is kept; to begin anew, move it away first")
    held = {entry["name"] for entry in _secrets(loaded)}
    missing = [name for name in loaded.config.secret_names() if name not in held]
    if missing:
        raise UserError(
            f"these secrets are missing: {', '.join(missing)}; set each: calendar-connector secret set NAME"
            + (", or for the hub: calendar-connector enroll" if work.HUB in missing else "")
        )
    return loaded


def _secrets(loaded: Loaded) -> list[dict[str, str]]:
    with suppress(DaemonNotRunning):
        return list(call(loaded.config.runtime, "secret.list"))
    keystore = open_keystore(loaded.config)
    keystore.check()
    return [{"name": entry.name} for entry in keystore.entries()]


def _installed(frame: Frame, place: work.Place, given: Answers) -> Loaded:
    complete = _completed(given)
    with work.discarding(place):
        loaded = work.prepare(place, complete)
        work.check_state(loaded.config)
        work.install(place, loaded, complete, login())
    frame.out.say(f"{place.path} is written, the password is sealed, {loaded.config.instance} is enrolled")
    return load(place.path)


def _completed(given: Answers) -> Answers:
    """Ask for what is missing. Raises UsageRefused where nobody is there to answer."""
    missing = given.missing(QUESTIONS)
    if missing and not sys.stdin.isatty():
        raise UsageRefused(f"these answers are missing: {', '.join(missing)}; nothing was changed")
    for name in missing:
        hidden = name in {"password", "token"}
        twice = "Once more" if name == "password" else False
        answer = click.prompt(ASKED[name], hide_input=hidden, confirmation_prompt=twice, err=True)
        given = replace(given, **{name: str(answer).strip()})
    return given


def _start(frame: Frame, loaded: Loaded) -> bool:
    """Enable and start the unit; whether the daemon runs now. Raises UserError when it does not start."""
    if not SYSTEMD.exists() or frame.config_path.parent != Path("/etc/calendar-connector"):
        with suppress(DaemonNotRunning):
            call(loaded.config.runtime, "status")
            return True
        frame.out.say("no systemd here; start it: calendar-connector run")
        return False
    for words in (("enable", "--quiet", UNIT), ("reload-or-restart", UNIT)):
        command = ["/usr/bin/systemctl", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)  # noqa: S603 - fixed words
        if done.returncode:
            raise UserError(f"the unit did not start; see: journalctl -u {UNIT} -n 20")
    frame.out.say("the service runs, and starts with the machine")
    return True


def activate_first(frame: Frame, address: str) -> int:
    """Activate a mailbox and wait until it is live; the exit code."""
    options = ["--wait", "--config", str(frame.config_path), *(["--quiet"] if frame.out.quiet else [])]
    code = activate.main([address, *options], standalone_mode=False)
    if code:
        return int(code)
    frame.out.say(f"{address} is live: its meetings are sealed and at the hub")
    return 0
