"""AWS Signature Version 4, by botocore: the extra `headgate[bedrock]`, which is imported only where somebody signs.

botocore's session, credentials and clients have no part in it: of the library there is the signature alone, made from
public methods of `SigV4Auth`. Its `add_auth` would take the time from the machine, and write what it signs, the session
token included, into the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Final, Protocol, cast

from ...routing.http import HttpCall
from ...routing.providers.aws import KEYS, Keys, keys_of
from ...schemas.failures import Code, Failure, failure

#: What is missing where `load_sigv4` finds nothing.
NEEDED: Final = "expected what signs for AWS, pip install 'headgate[bedrock]', it is not there"
#: What AWS calls Bedrock in signatures (botocore 1.44.8, bedrock-runtime: `signingName`).
_SERVICE: Final = "bedrock"
_CONTENT_TYPE: Final = "content-type"


class _Request(Protocol):
    """The part of `botocore.awsrequest.AWSRequest` that is used."""

    context: dict[str, object]


class _MakesRequest(Protocol):
    def __call__(self, *, method: str, url: str, data: bytes, headers: Mapping[str, str]) -> _Request: ...


class _Auth(Protocol):
    """The part of `botocore.auth.SigV4Auth` that is used."""

    def canonical_request(self, request: _Request) -> str: ...
    def headers_to_sign(self, request: _Request) -> object: ...
    def scope(self, request: _Request) -> str: ...
    def signature(self, string_to_sign: str, request: _Request) -> str: ...
    def signed_headers(self, headers_to_sign: object) -> str: ...
    def string_to_sign(self, request: _Request, canonical_request: str) -> str: ...


class _MakesAuth(Protocol):
    def __call__(self, credentials: Keys, service_name: str, region_name: str) -> _Auth: ...


@dataclass(frozen=True, slots=True)
class SigV4:
    """Signs calls for one of AWS's services."""

    request: _MakesRequest
    auth: _MakesAuth
    service: str = _SERVICE

    def signed(self, call: HttpCall, secret: str, region: str, at: float) -> HttpCall | Failure:
        """Return the call with a signature of unix time `at`, or what is wrong with the secret."""
        keys = keys_of(secret)
        if keys is None or not region:
            given = "a credential of another form" if keys is None else "no region"
            return failure(Code.AUTHENTICATION, expected=f"{KEYS}, and a region", given=given)
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        dated = (("X-Amz-Date", stamp), *((("X-Amz-Security-Token", keys.token),) if keys.token else ()))
        shown = ("Authorization", self._signature(call, keys, region, stamp, dict(dated)))
        return HttpCall(call.url, (shown, *dated, *call.headers), call.body, call.notes)

    def _signature(self, call: HttpCall, keys: Keys, region: str, stamp: str, dated: dict[str, str]) -> str:
        """Sign host, time, token, type and body: what a proxy may add or change on the way is not among them."""
        typed = {name: value for name, value in call.headers if name.lower() == _CONTENT_TYPE}
        request = self.request(method="POST", url=call.url, data=call.body, headers={**typed, **dated})
        request.context["timestamp"] = stamp
        auth = self.auth(keys, self.service, region)
        signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        signed = auth.signed_headers(auth.headers_to_sign(request))
        return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={signed}, Signature={signature}"


def load_sigv4() -> SigV4 | None:
    """Return what signs, None where the extra is not installed. Takes some 0.4 s the first time."""
    try:
        request, auth = import_module("botocore.awsrequest"), import_module("botocore.auth")
    except ModuleNotFoundError:
        return None
    return SigV4(cast("_MakesRequest", request.AWSRequest), cast("_MakesAuth", auth.SigV4Auth))
