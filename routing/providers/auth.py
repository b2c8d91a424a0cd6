"""How a call shows its credential: pure, for the styles that are a header; the shell does those that sign."""

from typing import Final

from ..http import HttpCall
from ..service import Auth

Headers = tuple[tuple[str, str], ...]
#: A shorter part is no secret, and many a word has it in it.
_SHORTEST: Final = 4


def authorized(call: HttpCall, auth: Auth, secret: str | None, headers: Headers = ()) -> HttpCall:
    """Return the call with its credential, if there is one, and with `headers` beside."""
    shown = () if not secret else _shown(auth, secret)
    return HttpCall(call.url, (*shown, *call.headers, *headers), call.body, call.notes)


def spoken(auth: Auth, secret: str) -> tuple[str, ...]:
    """Return a secret and what it consists of: all that nobody may repeat."""
    if auth is not Auth.SIGV4:
        return (secret,)
    return (secret, *(part for part in secret.split(":") if len(part) >= _SHORTEST))


def _shown(auth: Auth, secret: str) -> Headers:
    match auth:
        case Auth.BEARER | Auth.GOOGLE:
            return (("Authorization", f"Bearer {secret}"),)
        case Auth.KEY:
            return (("Authorization", f"Key {secret}"),)
        case Auth.API_SUBSCRIPTION_KEY:
            return (("Authorization", f"Bearer {secret}"), (auth.value, secret))
        case Auth.X_API_KEY | Auth.API_KEY | Auth.X_GOOG_API_KEY:
            return ((auth.value, secret),)
        case Auth.SIGV4 | Auth.NONE:
            return ()
