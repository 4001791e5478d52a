"""The connector's side: asks the hub to take a key, the next one, or none any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from connector.enrolment import wire
from connector.enrolment.proof import new_key, prove, public_of
from connector.errors import Refused, Transient
from connector.relay import strict
from connector.relay.answers import Unacceptable, problem_code, verdict_of
from connector.relay.far_end import FarEnd
from connector.tls import tls_code

TRIES = 3
ANSWER_BYTES = 65536
_TIMEOUT = httpx.Timeout(15, connect=10)


def enrol(hub: FarEnd, token: str, now: datetime) -> str:
    """Have the hub take a fresh key for the one-time token; the private key.

    A lost answer is asked for again with the same key. Raises Refused ``enrolment-used`` or ``enrolment-expired``,
    CredentialRefused, and Transient.
    """
    key = new_key()
    _ask_again(hub, wire.ENROL_PATH, wire.write_enrolment(token, _offered(key, hub.instance, now)), "", now)
    return key


def renew(hub: FarEnd, present: str, now: datetime) -> str:
    """Have the hub take a fresh key beside the present one; the private key, to be kept before ``confirm``."""
    key = new_key()
    body = wire.write_key(_offered(key, hub.instance, now))
    _ask_again(hub, wire.RENEW_PATH, body, prove(present, hub.instance, now), now)
    return key


def confirm(hub: FarEnd, key: str, now: datetime) -> None:
    """The key is kept: the hub forgets the others."""
    _ask(hub, wire.CONFIRM_PATH, {}, prove(key, hub.instance, now), now)


def end(hub: FarEnd, credential: str, now: datetime) -> None:
    """Have the hub forget this connector's credentials."""
    _ask(hub, wire.END_PATH, {}, credential, now)


def _offered(key: str, instance: str, now: datetime) -> wire.NewKey:
    return wire.NewKey(public_of(key), prove(key, instance, now))


def _ask_again(hub: FarEnd, path: str, body: Mapping[str, Any], credential: str, now: datetime) -> None:
    """Three times at most where the answer may have been lost."""
    for left in reversed(range(TRIES)):
        try:
            _ask(hub, path, body, credential, now)
        except Transient:
            if not left:
                raise
        else:
            return


def _ask(hub: FarEnd, path: str, body: Mapping[str, Any], credential: str, now: datetime) -> None:
    headers = {"User-Agent": f"calendar-connector/{hub.version} ({hub.instance})"}
    if credential:
        headers["Authorization"] = f"Bearer {credential}"
    proxy = hub.proxy()
    through = proxy.with_credentials() if proxy else None
    try:
        with (
            httpx.Client(verify=hub.tls, proxy=through, trust_env=False, timeout=_TIMEOUT) as client,
            client.stream("POST", hub.at(path), content=strict.dump(body), headers=headers) as answer,
        ):
            raw = _bounded(answer)
    except httpx.TimeoutException as error:
        raise Transient("timeout", str(error)) from error
    except httpx.ProxyError as error:
        raise Transient("proxy-refused", str(error)) from error
    except (httpx.HTTPError, OSError) as error:
        raise Transient(tls_code(error) or "unreachable", str(error)) from error
    if answer.status_code != 200:
        raise _verdict(answer.status_code, answer.headers, raw, now)


def _verdict(status: int, headers: Mapping[str, str], raw: bytes, now: datetime) -> Exception:
    code = problem_code(headers.get("content-type", ""), raw)
    if code in {wire.USED, wire.EXPIRED}:
        return Refused(code)
    if status == 404:
        return Refused("enrolment-unknown", "the hub knows no enrolment")
    found = verdict_of(status, headers, raw, now)
    return Refused("bad-answer", found.code) if isinstance(found, Unacceptable) else found


def _bounded(answer: httpx.Response) -> bytes:
    raw = bytearray()
    for chunk in answer.iter_raw():
        raw += chunk
        if len(raw) > ANSWER_BYTES:
            raise strict.bad("the answer is too long")
    return bytes(raw)
