"""Enrolment of this appliance at its hub: the key made here, kept as the secret ``hub``, and renewed by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from connector.app.ground import Ground
from connector.app.relay import HUB_SECRET, far_end_of
from connector.enrolment import client, wire
from connector.enrolment.proof import is_key, prove
from connector.errors import CredentialRefused, NotFound, Refused, Transient, UserError, Verdict
from connector.reasons import explain

RENEW_AFTER = timedelta(days=30)
"""A key so old is replaced by the next one."""

_log = structlog.get_logger(__name__)


def enrol(ground: Ground, actor: str, token: str) -> dict[str, str]:
    """Make a key, have the hub take it for the one-time token, keep it. Raises UserError; nothing is kept then."""
    config = ground.loaded.config
    check_token(token, config.instance)
    ground.keystore.local_key("state")  # a keystore that can't be used is found before the token is spent
    try:
        key = client.enrol(far_end_of(config, ground.keystore, ground.clock), token, ground.clock())
    except Verdict as verdict:
        raise UserError(_sentence(verdict, config.hub.url, config.instance)) from None
    ground.keystore.set(HUB_SECRET, key.encode())
    ground.store.audit(ground.desk(actor).entry("hub.enrolled", hub=config.hub.url))
    return {"hub": config.hub.url, "instance": config.instance}


def check_token(token: str, instance: str) -> None:
    """Raises UserError for what can't be a one-time token, or is another connector's."""
    made = wire.TOKEN.fullmatch(token)
    if made is None:
        raise UserError(
            "this is no enrolment token; it begins with cce_ and is printed by:"
            f" calendar-connector-hub token create --enrolment {instance}"
        )
    if made[3] != instance:
        raise UserError(
            f"this enrolment token is for {made[3]}, and this connector is {instance} (`instance:` in the"
            " configuration); make them agree"
        )


def unenrol(ground: Ground, actor: str, *, force: bool = False) -> dict[str, str]:
    """Have the hub forget this connector's credentials, then forget our own. Raises UserError when the hub is away."""
    config = ground.loaded.config
    secret = _present(ground)
    credential = prove(secret, config.instance, ground.clock()) if is_key(secret) else secret
    told = "told"
    try:
        client.end(far_end_of(config, ground.keystore, ground.clock), credential, ground.clock())
    except CredentialRefused:
        told = "had forgotten it already"
    except Verdict as verdict:
        if not force:
            sentence = _sentence(verdict, config.hub.url, config.instance)
            raise UserError(
                f"{sentence} Nothing was changed; --force forgets the credential here only."
            ) from None
        told = "not told; revoke it there: calendar-connector-hub connector revoke " + config.instance
    ground.keystore.delete(HUB_SECRET)
    ground.store.audit(ground.desk(actor).entry("hub.left", hub=config.hub.url))
    return {"hub": config.hub.url, "told": told}


def renew_if_due(ground: Ground) -> bool:
    """Replace a key that has had its time; whether that was done. A hub that is away is asked again at the next look."""
    try:
        secret = ground.keystore.get(HUB_SECRET)
    except NotFound:
        return False
    now = ground.clock()
    if not is_key(secret.text) or now - secret.set_at < RENEW_AFTER:
        return False
    hub = far_end_of(ground.loaded.config, ground.keystore, ground.clock)
    try:
        key = client.renew(hub, secret.text, now)
        ground.keystore.set(HUB_SECRET, key.encode())
        client.confirm(hub, key, now)
    except Verdict as verdict:
        _log.warning("the key for the hub was not renewed; it is tried again", why=verdict.code)
        return False
    ground.store.audit(ground.desk("daemon").entry("hub.key-renewed"))
    _log.info("the key for the hub was renewed")
    return True


def _present(ground: Ground) -> str:
    try:
        return ground.keystore.get(HUB_SECRET).text
    except NotFound:
        raise UserError("this connector is not enrolled: it has no credential for the hub") from None


def _sentence(verdict: Verdict, url: str, instance: str) -> str:
    another = f"have a new one made at the hub: calendar-connector-hub token create --enrolment {instance}"
    if isinstance(verdict, Refused) and verdict.code in {wire.USED, wire.EXPIRED}:
        return f"{explain(verdict.code).sentence.rstrip('.')}; {another}"
    if isinstance(verdict, CredentialRefused):
        return f"the hub does not accept this enrolment token (or this machine's clock is wrong); {another}"
    if isinstance(verdict, Transient):
        return f"the hub {url} can't be asked: {explain(verdict.code).sentence}"
    return f"the hub {url} refused: {explain(verdict.code).sentence}"


VERBS: Mapping[str, Callable[..., dict[str, str]]] = {"hub.enrol": enrol, "hub.unenrol": unenrol}
"""What the control socket offers of this, and commands do themselves while no daemon runs."""
