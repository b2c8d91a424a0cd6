"""What one attempt came to: a usable answer or a setback, whichever family of providers it was made to."""

import msgspec

from ..schemas.failures import Code, Failure
from ..schemas.reply import Tokens


class Twin(msgspec.Struct, frozen=True, gc=False):
    """What one of several equal calls came to, as far as it is billed."""

    #: None when the provider did not say.
    tokens: Tokens | None
    #: The service tier that was served, where the provider says it.
    tier: str | None = None
    #: Why there is no answer; None: there is one.
    code: Code | None = None


class Completion(msgspec.Struct, frozen=True):
    """A usable answer."""

    status: int
    #: OpenAI-shaped JSON on one line.
    body: bytes
    #: The provider's name of the answer or of the call, for its support desk.
    request_id: str
    #: None when the provider did not say.
    tokens: Tokens | None
    #: The service tier that was served, where the provider says it: it is what is billed.
    tier: str | None = None
    #: The calls that it was made of, where it was more than one: each is billed by itself.
    twins: tuple[Twin, ...] = ()


class Setback(msgspec.Struct, frozen=True):
    """A failed attempt as decisions see it."""

    failure: Failure
    #: Seconds the provider asked to wait, None if it did not say.
    retry_after: float | None = None
    #: The provider's own word (`x-should-retry`), which beats the catalogue's.
    should_retry: bool | None = None
    #: What the provider answered, if it did: HTTP status, and its JSON on one line.
    status: int | None = None
    body: bytes | None = None
    #: What the provider says that the failed attempt used, where it does: it is billed for it.
    tokens: Tokens | None = None
    #: The calls that it was made of, where it was more than one: each is billed by itself.
    twins: tuple[Twin, ...] = ()
