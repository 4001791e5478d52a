"""NTLM, Negotiate and Basic over one connection, each logon through the gate.

The handshake is written out here instead of hung into requests as a hook: every leg carries our cookies (the usual
hook replaces them by the raw Set-Cookie text of the 401), the channel binding is always sent (Extended Protection is on
by default from Exchange 2019 CU14), and a connection that changes under a handshake is not taken for a wrong password.
"""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from urllib.parse import urlsplit

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from connector.errors import Scope, Transient, Verdict
from connector.source.exchange import kerberos
from connector.source.exchange.accounts import Accounts
from connector.source.exchange.connections import Line, Request, Response
from connector.source.exchange.gate import DIFFERS, Attempt, LogonGate
from connector.source.exchange.kerberos import KdcRefusal
from connector.source.exchange.settings import Scheme

LEGS = 4
DIALS = 2
"""So many connections are tried until a load balancer leads to a front end that is not left alone."""
OFFERED = {"ntlm": "NTLM", "negotiate": "Negotiate", "basic": "Basic"}


class Authenticator:
    """Answers challenges as whichever service account is in force."""

    def __init__(self, scheme: Scheme, accounts: Accounts) -> None:
        self._scheme = scheme
        self._accounts = accounts

    def send(
        self,
        line: Line,
        request: Request,
        timeout: tuple[float, float],
    ) -> Response:
        """Send the request as the service account; the answer is never a 401.

        Raises:
            CredentialRefused, Throttled, Transient: see LogonGate.logon; Transient with scope SERVER when the
                server does not offer the configured scheme.
        """
        leg = _Leg(line, request, timeout)
        if self._scheme == "basic":
            return self._accounts.log_on(lambda gate: self._basic(leg, gate))
        first = leg.send()
        if first.status != HTTPStatus.UNAUTHORIZED:
            return first
        challenged = [first]
        return self._accounts.log_on(
            lambda gate: self._by_connection(leg, gate, challenged.pop() if challenged else leg.send())
        )

    def _basic(self, leg: _Leg, gate: LogonGate) -> Response:
        if urlsplit(leg.request.url).scheme != "https":
            raise Transient("tls-needed", "Basic credentials only go out over TLS", scope=Scope.SERVER)
        with gate.logon() as attempt:
            response = leg.send("Basic", f"{gate.account}:{attempt.secret}".encode())
            self._judge(response, attempt, leg, gate)
        return response

    def _by_connection(self, leg: _Leg, gate: LogonGate, response: Response) -> Response:
        """Answer the challenge; one of a front end that is left alone is not, and the load balancer asked again."""
        for _ in range(DIALS):
            if response.status != HTTPStatus.UNAUTHORIZED:
                return response
            self._expect_offer(response, leg, gate)
            if not gate.shuns(leg.front_end(response)):
                response.drain()
                return self._handshake(leg, gate, response)
            response.close()
            response = leg.send()
        response.close()
        raise Transient(DIFFERS, f"{leg.front_end(response)} is left alone, it refused {gate.account}")

    def _handshake(self, leg: _Leg, gate: LogonGate, challenge: Response) -> Response:
        response = challenge
        with gate.logon() as attempt:
            attempt.binding = leg.line.end_point() or b""
            try:
                with self._credential(gate, attempt) as credential:
                    response = self._answer(leg, self._context(leg, credential))
            except KdcRefusal as refusal:
                attempt.refused(str(refusal), named=False)  # raised when the gate is left
            else:
                self._judge(response, attempt, leg, gate)
        return response

    def _credential(self, gate: LogonGate, attempt: Attempt) -> AbstractContextManager[kerberos.Credential]:
        if self._scheme == "negotiate":
            return kerberos.credential(gate.account, attempt.secret)
        return nullcontext((gate.account, attempt.secret))

    def _answer(self, leg: _Leg, context: spnego.ContextProxy) -> Response:
        """The answer to the last leg of the handshake."""
        response = self._step(leg, context, None)
        held = leg.line.socket
        for _ in range(LEGS):
            token = _challenge(response, OFFERED[self._scheme])
            if response.status != HTTPStatus.UNAUTHORIZED or token is None or context.complete:
                break
            response.drain()
            response = self._step(leg, context, token)
            if leg.line.socket is not held:
                raise _broken(response)
        return response

    def _step(self, leg: _Leg, context: spnego.ContextProxy, token: bytes | None) -> Response:
        try:
            out = context.step(token)
        except (SpnegoError, ValueError) as error:
            raise Transient("bad-answer", f"handshake: {error}", scope=Scope.SERVER) from error
        return leg.send(OFFERED[self._scheme], out or b"")

    def _context(self, leg: _Leg, credential: kerberos.Credential) -> spnego.ContextProxy:
        end_point = leg.line.end_point()
        pure = spnego.NegotiateOptions.use_ntlm if self._scheme == "ntlm" else spnego.NegotiateOptions.none
        return spnego.client(
            *credential,
            hostname=urlsplit(leg.request.url).hostname or "unspecified",
            service="HTTP",
            protocol=self._scheme,
            options=pure,
            channel_bindings=GssChannelBindings(application_data=end_point) if end_point else None,
        )

    def _judge(self, response: Response, attempt: Attempt, leg: _Leg, gate: LogonGate) -> None:
        front_end = leg.front_end(response)
        if response.status != HTTPStatus.UNAUTHORIZED:
            attempt.accepted(front_end)
            return
        response.close()
        attempt.failed = True
        self._expect_offer(response, leg, gate)
        attempt.refused(front_end, named="X-FEServer" in response.headers)

    def _expect_offer(self, response: Response, leg: _Leg, gate: LogonGate) -> None:
        """A 401 that offers nothing, or not what is configured, is the server's fault and not the account's.

        While others accept the account it is that one server's, and holds nobody else back.
        """
        header = response.headers.get("WWW-Authenticate", "")
        wanted = OFFERED[self._scheme]
        if wanted.lower() in header.lower():
            return
        response.close()
        front_end = leg.front_end(response)
        scope = Scope.MAILBOX if gate.differs(front_end) else Scope.SERVER
        if not header:
            raise Transient("no-challenge", f"{front_end}: 401 without WWW-Authenticate", scope=scope)
        detail = f"{front_end} offers {header!r}, not {wanted}"
        raise Transient("auth-not-offered", detail, scope=scope)


class _Leg:
    """One request that may have to be sent several times over the same line."""

    def __init__(
        self,
        line: Line,
        request: Request,
        timeout: tuple[float, float],
    ) -> None:
        self.line = line
        self.request = request
        self._timeout = timeout

    def send(self, scheme: str = "", token: bytes = b"") -> Response:
        request = self.request
        if scheme:
            request = request.with_header("Authorization", f"{scheme} {base64.b64encode(token).decode()}")
        return self.line.transmit(request, self._timeout)

    def front_end(self, response: Response) -> str:
        """The server that answered, as far as it says."""
        return response.headers.get("X-FEServer") or urlsplit(self.request.url).netloc


def _challenge(response: Response, scheme: str) -> bytes | None:
    """The token of ``WWW-Authenticate: scheme token``, None when the server sent none."""
    for offer in response.headers.get("WWW-Authenticate", "").split(","):
        name, _, token = offer.strip().partition(" ")
        if name.lower() == scheme.lower() and token:
            try:
                return base64.b64decode(token, validate=True)
            except ValueError:
                return None
    return None


def _broken(response: Response) -> Verdict:
    response.close()
    return Transient("unreachable", "the connection changed in the middle of a handshake", scope=Scope.SERVER)
