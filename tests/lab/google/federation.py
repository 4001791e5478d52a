"""Workload identity federation: the token service (RFC 8693) and the IAM credentials service that signs with a key of Google's own."""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from google.auth import jwt
from google.auth.crypt import RSASigner

from tests.lab.google.problems import ApiError, GrantError
from tests.lab.google.tenant import ACCOUNT, Tenant

Document = dict[str, Any]
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/site/providers/idp"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
SIGN = f"/v1/projects/-/serviceAccounts/{ACCOUNT}:signJwt"
LONGEST = timedelta(hours=12)


class Federation:
    """``token`` is what the site's identity provider says; ``may_sign`` the role; ``api_on`` the API's switch."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.token = f"idp.{secrets.token_urlsafe(40)}"
        self.may_sign = True
        self.api_on = True
        self.seconds = 3599
        self._federated: dict[str, datetime] = {}
        self._signer: Any = None
        self.paths = {"/v1/token": "sts", SIGN: "signJwt"}

    def answer(self, path: str, body: bytes, authorization: str) -> Document:
        """A federated token, or a signed JWT. Raises GrantError and ApiError."""
        return self._exchange(body) if path == "/v1/token" else self._sign(body, authorization)

    def configuration(self, path: str) -> Document:
        """As gcloud writes it."""
        return {
            "universe_domain": "googleapis.com",
            "type": "external_account",
            "audience": AUDIENCE,
            "subject_token_type": JWT,
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": path, "format": {"type": "text"}},
            "service_account_impersonation_url": f"https://iamcredentials.googleapis.com{SIGN[:-7]}generateAccessToken",
        }

    def _exchange(self, body: bytes) -> Document:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != EXCHANGE or form.get("requested_token_type") != ACCESS:
            raise GrantError("unsupported_grant_type")
        if form.get("audience") != AUDIENCE or "cloud-platform" not in form.get("scope", ""):
            raise GrantError("invalid_target", "The target service indicated by the audience is invalid.")
        if form.get("subject_token") != self.token or form.get("subject_token_type") != JWT:
            raise GrantError("invalid_grant", "The given credential is rejected by the attribute condition.")
        value = f"ya29.d.{secrets.token_urlsafe(40)}"
        self._federated[value] = self._tenant.now() + timedelta(seconds=self.seconds)
        kind = {"token_type": "Bearer", "issued_token_type": ACCESS}
        return {"access_token": value, "expires_in": self.seconds, **kind}

    def _sign(self, body: bytes, authorization: str) -> Document:
        ends = self._federated.get(authorization.removeprefix("Bearer "))
        if ends is None or ends <= self._tenant.now():
            raise ApiError("authError")
        if not self.api_on:
            raise ApiError("accessNotConfigured")
        if not self.may_sign:
            raise ApiError("forbidden", "Permission 'iam.serviceAccounts.signJwt' denied on resource.")
        claims = json.loads(json.loads(body)["payload"])
        if claims["exp"] - self._tenant.now().timestamp() > LONGEST.total_seconds():
            raise ApiError("invalid", "The payload's exp is too far in the future.")
        signer = self._key()
        signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]
        return {"keyId": signer.key_id, "signedJwt": signed.decode()}

    def _key(self) -> Any:
        """A key that Google holds and nobody else; made when it is first wanted."""
        if self._signer is None:
            self._signer = RSASigner.from_service_account_info(self._tenant.new_key())  # type: ignore[no-untyped-call]
        return self._signer
