"""The verbs of the control socket: the table of operations, and what only the process itself can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from connector.alarms import kinds
from connector.app import doctor, enrolment
from connector.app.appliance import Appliance
from connector.app.relay import HUB_SECRET
from connector.config import effective
from connector.control import Caller, Verb
from connector.doctor.firewall import COLUMNS
from connector.keystore import Entry, Keystore
from connector.operations.verbs import VERBS
from connector.operations.verbs import Verb as Operation


class HasAppliance(Protocol):
    """Whoever holds the appliance in force; a reload replaces it."""

    appliance: Appliance


def control_verbs(holder: HasAppliance) -> Mapping[str, Verb]:
    """Every verb, each run against the appliance in force at that moment."""
    return {
        **{name: _verb(holder, operation) for name, operation in VERBS.items()},
        **_secret_verbs(holder),
        "roster.sync": _roster_verb(holder),
        **_doctor_verbs(holder),
        **_enrolment_verbs(holder),
        "config.effective": Verb(lambda _caller: effective(holder.appliance.ground.loaded)),
    }


def _verb(holder: HasAppliance, operation: Operation) -> Verb:
    def run(caller: Caller, **arguments: Any) -> Any:
        return operation.run(holder.appliance, caller.name, **arguments)

    return Verb(run, read_only=operation.reads)


def _doctor_verbs(holder: HasAppliance) -> Mapping[str, Verb]:
    def examine(_caller: Caller, addresses: list[str], source: str = "") -> Iterator[dict[str, Any]]:
        appliance = holder.appliance
        held = {key: hold.code for key, hold in appliance.holds.all().items()}
        found = doctor.examine(appliance.ground, addresses, source, held)
        return (finding.plain() for finding in found)

    def openings(_caller: Caller, source: str = "") -> list[dict[str, str]]:
        rows = (opening.row() for opening in doctor.openings(holder.appliance.ground, source))
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    return {"doctor": Verb(examine, follow=True), "doctor.firewall": Verb(openings, read_only=True)}


def _roster_verb(holder: HasAppliance) -> Verb:
    operation = VERBS["roster.sync"]

    def run(caller: Caller, **arguments: Any) -> Any:
        """A run by hand that got through ends the alarms of those that did not."""
        done = operation.run(holder.appliance, caller.name, **arguments)
        for kind in (kinds.ROSTER_UNREADABLE, kinds.ROSTER_MAX_CHANGE):
            holder.appliance.alarms.clear(kind)
        return done

    return Verb(run, read_only=operation.reads)


def _enrolment_verbs(holder: HasAppliance) -> Mapping[str, Verb]:
    def carry_out(work: Callable[..., dict[str, str]], caller: Caller, **arguments: Any) -> dict[str, str]:
        done = work(holder.appliance.ground, caller.name, **arguments)
        holder.appliance.secret_changed(HUB_SECRET)
        return done

    return {name: Verb(partial(carry_out, work)) for name, work in enrolment.VERBS.items()}


def _secret_verbs(holder: HasAppliance) -> Mapping[str, Verb]:
    def changing(change: Callable[..., None], action: str, caller: Caller, **arguments: str) -> None:
        ground = holder.appliance.ground
        change(ground.keystore, **arguments)
        name = arguments.get("name", "")
        ground.store.audit(ground.desk(caller.name).entry(action, secret_name=name))
        holder.appliance.secret_changed(name)

    def listing(_caller: Caller) -> list[Entry]:
        return list(holder.appliance.ground.keystore.entries())

    return {
        "secret.list": Verb(listing, read_only=True),
        "secret.set": Verb(partial(changing, _set_secret, "secret.set")),
        "secret.delete": Verb(partial(changing, _delete_secret, "secret.delete")),
        "secret.rekey": Verb(partial(changing, _rekey, "secret.rekey")),
    }


def _set_secret(keystore: Keystore, name: str, value: str) -> None:
    keystore.set(name, value.encode())


def _delete_secret(keystore: Keystore, name: str) -> None:
    keystore.delete(name)


def _rekey(keystore: Keystore) -> None:
    keystore.rekey()
