"""The failure catalogue: every stable code that a reply, a dead letter or a usage event may carry.

A failure is a value. It says what was expected, what came, and what to do; `retriable` says whether the same request
may succeed at the same deployment a little later.
"""

import enum
from types import MappingProxyType
from typing import Final

import msgspec


class Code(enum.StrEnum):
    """Stable names of failures. They are API: never renamed, never reused."""

    # the record cannot be read: it goes to the dead letters
    EMPTY = "empty"
    INVALID_UTF8 = "invalid_utf8"
    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_REPLY_TOPIC = "unknown_reply_topic"
    # the request is wrong: it gets a failed reply
    INVALID_REQUEST = "invalid_request"
    REQUEST_TOO_LARGE = "request_too_large"
    UNKNOWN_ENDPOINT = "unknown_endpoint"
    MODEL_NOT_FOUND = "model_not_found"
    DUPLICATE_ID = "duplicate_id"
    UNPRICED = "unpriced"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CANCELLED = "cancelled"
    ID_REUSED = "id_reused"
    # who asks may not
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    KEY_EXPIRED = "key_expired"
    # it would cost or take more than it may
    BUDGET_EXCEEDED = "budget_exceeded"
    MAX_COST_EXCEEDED = "max_cost_exceeded"
    LIMIT_TOO_SMALL = "limit_too_small"
    # no deployment can honour it
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    UNSUPPORTED_ENDPOINT = "unsupported_endpoint"
    NO_DEPLOYMENT = "no_deployment"
    # the provider said no
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    CAPACITY = "capacity"
    PROVIDER_ERROR = "provider_error"
    BAD_REQUEST = "bad_request"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    UPSTREAM_NOT_FOUND = "upstream_not_found"
    CONTEXT_LENGTH = "context_length"
    UPSTREAM_TOO_LARGE = "upstream_too_large"
    CONTENT_POLICY = "content_policy"
    # nobody knows what the provider did
    TIMEOUT = "timeout"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    CONNECTION_FAILED = "connection_failed"
    CONNECTION_CUT = "connection_cut"
    MALFORMED_RESPONSE = "malformed_response"
    MODEL_ERROR = "model_error"
    INTERRUPTED = "interrupted"
    HEDGED = "hedged"
    # ours
    INTERNAL = "internal"


class Entry(msgspec.Struct, frozen=True):
    """What the catalogue says of one code."""

    explanation: str
    hint: str
    retriable: bool = False
    #: True when the provider may have done, and billed, the work although no answer was received.
    may_be_billed: bool = False


CATALOGUE: Final = MappingProxyType(
    {
        Code.EMPTY: Entry("The record has no value.", "Send a JSON object; tombstones are not requests."),
        Code.INVALID_UTF8: Entry("The value is not UTF-8.", "Encode the JSON as UTF-8."),
        Code.INVALID_JSON: Entry("The value is not JSON.", "Send one JSON object per record."),
        Code.INVALID_ENVELOPE: Entry(
            "The value is JSON but no request.", "See docs/schemas/request.json; an OpenAI batch line is a request."
        ),
        Code.UNKNOWN_REPLY_TOPIC: Entry(
            "The reply topic does not exist or may not be used; the request was not run.",
            "Create the topic, or name one that the config's, the key's or its workspace's reply_topics allow.",
        ),
        Code.INVALID_REQUEST: Entry("The request is wrong.", "Correct the named field and send it again."),
        Code.REQUEST_TOO_LARGE: Entry("The request is too large.", "Shorten it, or raise limits.request_bytes."),
        Code.UNKNOWN_ENDPOINT: Entry("This endpoint is not served.", "Use one of the endpoints listed under expected."),
        Code.MODEL_NOT_FOUND: Entry(
            "No such model.", "Ask for a model of the config; `headgate config check` lists them."
        ),
        Code.DUPLICATE_ID: Entry(
            "An earlier line has the same custom_id.", "Give every line of a file its own custom_id."
        ),
        Code.UNPRICED: Entry(
            "The price of this model is unknown.", "Give the deployment a price, or set `unpriced: allow`."
        ),
        Code.DEADLINE_EXCEEDED: Entry("The deadline passed.", "Send it again with a later deadline."),
        Code.CANCELLED: Entry("The request was cancelled.", "Nothing to do."),
        Code.ID_REUSED: Entry(
            "An earlier request with the same id asked for something else.",
            "Give every request its own id; the same id is for the same request, sent again.",
        ),
        Code.UNAUTHENTICATED: Entry(
            "The request does not prove that it comes from its key.",
            "Sign it, or send the key's secret; see docs/keys.md.",
        ),
        Code.FORBIDDEN: Entry("The key may not do this.", "See the key's `models` in the config."),
        Code.KEY_EXPIRED: Entry("The key has expired.", "`headgate keys rotate` makes a new one."),
        Code.BUDGET_EXCEEDED: Entry(
            "A budget does not allow it.", "Wait for the budget's next window, or raise the budget."
        ),
        Code.MAX_COST_EXCEEDED: Entry(
            "The request may cost more than its own max_cost.", "Lower its max_tokens, or raise max_cost."
        ),
        Code.LIMIT_TOO_SMALL: Entry(
            "The request alone is larger than one of its limits or budgets.", "Shorten it, or raise the limit."
        ),
        Code.UNSUPPORTED_PARAMETER: Entry(
            "The deployment's provider cannot honour a parameter.",
            "Leave it out, ask for another model, or allow it in the provider's `drop`, or `n` in its `emulate`.",
        ),
        Code.UNSUPPORTED_ENDPOINT: Entry(
            "The deployment's provider does not serve this endpoint.", "Ask for a model whose provider does."
        ),
        Code.NO_DEPLOYMENT: Entry(
            "The model's route leads this request nowhere.",
            "Ask for tags that its deployments have, or give the route a `default`; see docs/routing.md.",
        ),
        Code.RATE_LIMITED: Entry("The provider's rate limit was hit.", "Lower the load.", retriable=True),
        Code.QUOTA_EXHAUSTED: Entry("The credential is out of money or quota.", "Top up, or add a credential."),
        Code.OVERLOADED: Entry("The provider is overloaded.", "Try again later.", retriable=True),
        Code.CAPACITY: Entry(
            "The provider has no capacity for this model or tier at the moment.",
            "Try again later, or add a deployment of another tier, region or provider.",
            retriable=True,
        ),
        Code.PROVIDER_ERROR: Entry("The provider failed.", "Try again later.", retriable=True),
        Code.BAD_REQUEST: Entry("The provider refused the request.", "Correct the body; see the provider's message."),
        Code.AUTHENTICATION: Entry("The provider refused the credential.", "Check the provider's api_key."),
        Code.PERMISSION: Entry("The credential may not do this.", "Check what the provider's credential may use."),
        Code.UPSTREAM_NOT_FOUND: Entry("The provider does not know this model.", "Check the deployment's model."),
        Code.CONTEXT_LENGTH: Entry(
            "The input is longer than the model's context.", "Shorten it or use a larger model."
        ),
        Code.UPSTREAM_TOO_LARGE: Entry(
            "The request is larger than the provider takes at once.",
            "Shorten it or lower its max_tokens, or add a deployment that takes more.",
        ),
        Code.CONTENT_POLICY: Entry("The provider's content policy refused it.", "Change the content."),
        Code.TIMEOUT: Entry(
            "No answer within the deployment's timeout.", "Raise `timeout`.", retriable=True, may_be_billed=True
        ),
        Code.UPSTREAM_TIMEOUT: Entry(
            "The provider, or a proxy before it, gave up waiting for the answer.",
            "Try again; ask for shorter answers if it stays so.",
            retriable=True,
            may_be_billed=True,
        ),
        Code.CONNECTION_FAILED: Entry("The provider could not be reached.", "Check base_url.", retriable=True),
        Code.CONNECTION_CUT: Entry(
            "The connection broke before the answer.", "Try again.", retriable=True, may_be_billed=True
        ),
        Code.MALFORMED_RESPONSE: Entry(
            "The provider's answer is not what its wire promises.", "Try again.", retriable=True, may_be_billed=True
        ),
        Code.MODEL_ERROR: Entry(
            "The model's answer is broken, and the provider says so.",
            "Try again; another answer may be whole.",
            retriable=True,
            may_be_billed=True,
        ),
        Code.INTERRUPTED: Entry(
            "A worker died during the attempt.", "Nothing to do: the request was run again.", may_be_billed=True
        ),
        Code.HEDGED: Entry(
            "Another attempt at the same request was answered first.",
            "Nothing to do; `hedge` in the route says when a second attempt is made.",
            may_be_billed=True,
        ),
        Code.INTERNAL: Entry("Headgate failed.", "Report it with the request id."),
    }
)


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One failure, as it appears in replies (`error`) and dead letters."""

    code: Code
    message: str
    expected: str | None = None
    given: str | None = None
    hint: str | None = None
    retriable: bool = False


#: What came is quoted at most this long: a 5 MB value must not come back inside its own error.
_QUOTE: Final = 200


def failure(code: Code, *, message: str | None = None, expected: str | None = None, given: object = None) -> Failure:
    """Make a failure with the catalogue's explanation and hint."""
    entry = CATALOGUE[code]
    text = None if given is None else str(given)
    if text is not None and len(text) > _QUOTE:
        text = f"{text[:_QUOTE]}… ({len(text)} characters)"
    return Failure(code, message or entry.explanation, expected, text, entry.hint, entry.retriable)
