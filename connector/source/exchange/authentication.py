"""NTLM, Negotiate and Basic over one connection, each logon through the gate.

The handshake is written out here instead of hung into requests as a hook: every leg carries our cookies (the usual
hook replaces them by the raw Set-Cookie text of the 401), the channel binding is always sent (Extended Protection is on
by default from Exchange 2019 CU14), and a connection that changes under a handshake is not taken for a wrong password.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from connector.errors import Scope, Transient, Verdict
from connector.source.exchange.connections import Line, drain
from connector.source.exchange.gate import Attempt, LogonGate
from connector.source.exchange.settings import Scheme

LEGS = 4
OFFERED = {"ntlm": "NTLM", "negotiate": "Negotiate", "basic": "Basic"}


class Authenticator:
    """Answers challenges for one service account."""

    def __init__(self, scheme: Scheme, user: str, gate: LogonGate) -> None:
        self._scheme = scheme
        self._user = user
        self._gate = gate

    def send(
        self,
        line: Line,
        request: requests.PreparedRequest,
        cookies: Mapping[str, str],
        timeout: tuple[float, float],
    ) -> requests.Response:
        """Send the request as the service account; the answer is never a 401.

        Raises:
            CredentialRefused, Throttled, Transient: see LogonGate.logon; Transient with scope SERVER when the
                server does not offer the configured scheme.
        """
        leg = _Leg(line, request, cookies, timeout)
        if self._scheme == "basic":
            return self._basic(leg)
        response = leg.send()
        if response.status_code != requests.codes.unauthorized:
            return response
        self._expect_offer(response)
        drain(response)
        return self._handshake(leg)

    def _basic(self, leg: _Leg) -> requests.Response:
        if urlsplit(leg.request.url or "").scheme != "https":
            raise Transient("tls-needed", "Basic credentials only go out over TLS", scope=Scope.SERVER)
        with self._gate.logon() as attempt:
            response = leg.send("Basic", f"{self._user}:{attempt.secret}".encode())
            self._judge(response, attempt, leg)
        return response

    def _handshake(self, leg: _Leg) -> requests.Response:
        with self._gate.logon() as attempt:
            context = self._context(leg, attempt)
            response = self._step(leg, context, None)
            held = leg.line.socket
            for _ in range(LEGS):
                token = _challenge(response, OFFERED[self._scheme])
                if response.status_code != requests.codes.unauthorized or token is None or context.complete:
                    break
                drain(response)
                response = self._step(leg, context, token)
                if leg.line.socket is not held:
                    raise _broken(response)
            self._judge(response, attempt, leg)
        return response

    def _step(self, leg: _Leg, context: spnego.ContextProxy, token: bytes | None) -> requests.Response:
        try:
            out = context.step(token)
        except (SpnegoError, ValueError) as error:
            raise Transient("bad-answer", f"handshake: {error}", scope=Scope.SERVER) from error
        return leg.send(OFFERED[self._scheme], out or b"")

    def _context(self, leg: _Leg, attempt: Attempt) -> spnego.ContextProxy:
        end_point = leg.line.end_point()
        pure = spnego.NegotiateOptions.use_ntlm if self._scheme == "ntlm" else spnego.NegotiateOptions.none
        return spnego.client(
            self._user,
            attempt.secret,
            hostname=urlsplit(leg.request.url or "").hostname or "unspecified",
            service="http",
            protocol=self._scheme,
            options=pure,
            channel_bindings=GssChannelBindings(application_data=end_point) if end_point else None,
        )

    def _judge(self, response: requests.Response, attempt: Attempt, leg: _Leg) -> None:
        name = response.headers.get("X-FEServer", "")
        front_end = name or urlsplit(leg.request.url or "").netloc
        if response.status_code != requests.codes.unauthorized:
            attempt.accepted(front_end)
            return
        response.close()
        attempt.failed = True
        self._expect_offer(response)
        attempt.refused(front_end, named=bool(name))

    def _expect_offer(self, response: requests.Response) -> None:
        """A 401 that offers nothing, or not what is configured, is the server's fault and not the account's."""
        header = response.headers.get("WWW-Authenticate", "")
        wanted = OFFERED[self._scheme]
        if wanted.lower() in header.lower():
            return
        response.close()
        if not header:
            raise Transient("no-challenge", "401 without WWW-Authenticate", scope=Scope.SERVER)
        detail = f"the server offers {header!r}, not {wanted}"
        raise Transient("auth-not-offered", detail, scope=Scope.SERVER)


class _Leg:
    """One request that may have to be sent several times over the same line."""

    def __init__(
        self,
        line: Line,
        request: requests.PreparedRequest,
        cookies: Mapping[str, str],
        timeout: tuple[float, float],
    ) -> None:
        self.line = line
        self.request = request
        self._cookies = cookies
        self._timeout = timeout

    def send(self, scheme: str = "", token: bytes = b"") -> requests.Response:
        request = self.request.copy()
        if scheme:
            request.headers["Authorization"] = f"{scheme} {base64.b64encode(token).decode()}"
        return self.line.transmit(request, self._cookies, self._timeout)


def _challenge(response: requests.Response, scheme: str) -> bytes | None:
    """The token of ``WWW-Authenticate: scheme token``, None when the server sent none."""
    for offer in response.headers.get("WWW-Authenticate", "").split(","):
        name, _, token = offer.strip().partition(" ")
        if name.lower() == scheme.lower() and token:
            try:
                return base64.b64decode(token, validate=True)
            except ValueError:
                return None
    return None


def _broken(response: requests.Response) -> Verdict:
    response.close()
    return Transient("unreachable", "the connection changed in the middle of a handshake", scope=Scope.SERVER)
