"""What signing for AWS needs besides the call: the keys that a credential holds, and the region."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

#: How a credential holds keys.
KEYS: Final = "ACCESS_KEY_ID:SECRET or ACCESS_KEY_ID:SECRET:SESSION_TOKEN"
_KEYS: Final = re.compile(r"(\w+):([^:\s]+)(?::([^:\s]+))?")
#: `bedrock-runtime.us-east-1.amazonaws.com`, also with `-fips`, and as China and VPC endpoints spell it.
_REGION: Final = re.compile(r"\bbedrock[a-z-]*\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a call to AWS is signed with."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def keys_of(secret: str) -> Keys | None:
    """Return the keys that a credential's secret holds, None if it holds other.

    >>> keys_of("AKIDEXAMPLE:secret:token").token
    'token'
    """
    match = _KEYS.fullmatch(secret)
    return None if match is None else Keys(match[1], match[2], match[3])


def region_of(base_url: str, options: Mapping[str, str]) -> str | None:
    """Return the region that a base URL leads to, as the config says it or else its host; None: neither does."""
    if "region" in options:
        return options["region"]
    match = _REGION.search(urlsplit(base_url).hostname or "")
    return None if match is None else match[1]
