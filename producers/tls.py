"""TLS to a broker or a Redis: the context from the config, and what it means when the two sides do not agree."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..schemas.config import Tls

#: OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_OTHER_HOST: Final = frozenset({62, 64})
#: OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OUT_OF_TIME: Final = frozenset({9, 10})


#: What came from a server in the clear.
NOT_TLS: Final = "an answer without TLS; give the port for TLS, or take TLS out of the config"
#: What came from a server with TLS, when none was expected.
UNEXPECTED_TLS: Final = "a server that wants TLS; say so in the config (tls, rediss://), or give the port without"


class TlsFileError(OSError):
    """A file that the config names for TLS cannot be used; the message says which, why, and what belongs there."""


class TlsFileMissingError(TlsFileError, FileNotFoundError):
    """It is not there."""


class _Parting(ssl.SSLObject):
    """Our side of a connection: it says that it closes, and does not wait until the other side says so too.

    asyncio and uvloop wait for that, at most 30 s. A broker that read our word in one piece with a request may never
    answer it: it looks at a connection when something comes, and nothing does any more. What matters has been answered
    before anybody closes.
    """

    def unwrap(self) -> None:
        """Say that nothing more will come."""
        with contextlib.suppress(ssl.SSLWantReadError):  # said; what is missing is the answer
            super().unwrap()


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return how to connect. Certificates are read now: a file that is exchanged counts from the next start.

    Connections by it close at once, whatever the other side does.

    Raises `TlsFileError`.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise _unusable("PEM certificates of authorities", "tls.ca_file", tls.ca_file, error) from error
    context.check_hostname = tls.check_hostname
    context.sslobject_class = _Parting
    if tls.cert_file is not None:
        _present(context, tls, tls.cert_file)
    return context


def _present(context: ssl.SSLContext, tls: Tls, cert_file: str) -> None:
    """Have the context present the client's certificate."""
    files = {"tls.cert_file": cert_file} | ({} if tls.key_file is None else {"tls.key_file": tls.key_file})
    for name, file in files.items():
        try:
            Path(file).read_bytes()  # OpenSSL would not say which of the two it cannot read
        except OSError as error:
            raise _unusable("a PEM file", name, file, error) from error
    secret = "" if tls.key_password is None else tls.key_password.get_secret_value()
    try:
        # without any password OpenSSL would ask the terminal for one; an empty one is refused
        context.load_cert_chain(cert_file, tls.key_file, secret)
    except OSError as error:
        expected = "a certificate and its key, as PEM, and the right tls.key_password if the key is encrypted,"
        raise _unusable(expected, " and ".join(files), " and ".join(files.values()), error) from error


def _unusable(expected: str, name: str, file: str | None, error: OSError) -> TlsFileError:
    reason = (error.reason or "not PEM, or encrypted otherwise") if isinstance(error, ssl.SSLError) else error.strerror
    kind = TlsFileMissingError if isinstance(error, FileNotFoundError) else TlsFileError
    return kind(f"expected {expected} at {name}, got {file}: {reason}")


def tls_refusal(error: BaseException) -> str | None:
    """Return what came of a handshake and what to do about it, if that is what is behind `error`.

    It says nothing where waiting may help.
    """
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"a certificate that does not pass: {cause.verify_message.rstrip('.')}; {_about(cause.verify_code)}"
        if isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or ""):
            return (
                f"its refusal, {cause.reason}; it may want a certificate of an authority that it trusts: see "
                "tls.cert_file and tls.key_file"
            )
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            return NOT_TLS
    return None


def _about(code: int) -> str:
    if code in _OTHER_HOST:
        return "name the server as its certificate does, or set tls.check_hostname: false"
    if code in _OUT_OF_TIME:
        return "renew it, or set the clock"
    return "name the authority that signed it in tls.ca_file"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what it comes from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
