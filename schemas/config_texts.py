"""Texts of the config file that must mean something outside of it: hashes, public keys, addresses, times, time zones.

What is wrong with a hash or a key is told without quoting it: in the place of a hash there often stands the secret.
"""

import base64
import datetime as dt
import re
import zoneinfo
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from .config_values import wrong

_SHA256: Final = r"^[0-9a-f]{64}$"
_PUBLIC_KEY: Final = r"^ed25519:[A-Za-z0-9+/]{43}=$"
_BASE_URL: Final = r"^https?://[^\s?#@/]+(/[^\s?#]*)?$"
_LONGEST_QUOTE: Final = 60


def sha256(text: str) -> str:
    """Check a hash."""
    if re.fullmatch(_SHA256, text) is None:
        expected = "the SHA-256 of the secret in 64 hexadecimal digits, as `headgate keys create --bearer` prints it"
        raise wrong(expected, f"a text of {len(text)} characters")
    return text


def public_key(text: str) -> str:
    """Check an Ed25519 public key: a mistake of one letter makes most keys something else than a key."""
    if re.fullmatch(_PUBLIC_KEY, text) is None:
        expected = "ed25519: and 32 bytes in Base64, as `headgate keys create --signed` prints them"
        raise wrong(expected, f"a text of {len(text)} characters")
    from nacl.bindings import crypto_core_ed25519_is_valid_point  # noqa: PLC0415 - 30 ms that only such keys need

    if not crypto_core_ed25519_is_valid_point(base64.b64decode(text.partition(":")[2])):
        raise wrong("the public key of an Ed25519 key pair", "32 bytes that are none")
    return text


def base_url(text: str) -> str:
    """Check a provider's address. A user in it would be a second credential, and would be shown wherever it is."""
    if re.fullmatch(_BASE_URL, text) is None:
        shown = re.sub(r"//[^/]*@", "//***@", text)[:_LONGEST_QUOTE]
        expected = "an address like https://host:8000/v1, with http:// or https://, and without user, ? and #"
        raise wrong(expected, repr(shown))
    return text


def moment(value: object) -> object:
    """Read a time with its zone. A number is refused: some would mean seconds by it, and some a day."""
    read = _read(value) if isinstance(value, str) else value
    if not isinstance(read, dt.datetime) or read.tzinfo is None:
        raise wrong("a time with its zone, like 2027-01-01T00:00:00Z", repr(value)[:_LONGEST_QUOTE])
    return read


def _read(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def zone(name: str) -> str:
    """Check the name of a time zone. `localtime` is refused: workers on two machines would mean two zones by it."""
    if name == "localtime" or not _is_known(name):
        without = "" if _is_known("UTC") else ", and this machine knows no zones: install the package tzdata"
        raise wrong("the name of a time zone, like Europe/Berlin or UTC", f"{name[:_LONGEST_QUOTE]!r}{without}")
    return name


def _is_known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # what is no name may be that of a folder
        return False
    return True


Sha256 = Annotated[str, AfterValidator(sha256), WithJsonSchema({"type": "string", "pattern": _SHA256})]
PublicKey = Annotated[str, AfterValidator(public_key), WithJsonSchema({"type": "string", "pattern": _PUBLIC_KEY})]
BaseUrl = Annotated[str, AfterValidator(base_url), WithJsonSchema({"type": "string", "pattern": _BASE_URL})]
Moment = Annotated[dt.datetime, BeforeValidator(moment)]
Zone = Annotated[str, AfterValidator(zone)]
