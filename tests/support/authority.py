"""A certificate authority for tests. Everything is made anew: no certificate of this project can expire."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate and its key."""

    cert: Path
    key: Path

    @property
    def both(self) -> Path:
        """One file with both, as Apache Kafka wants it."""
        return self.cert.with_suffix(".both.pem")

    def key_lines(self) -> list[str]:
        """The secret part of the key, line by line."""
        return [text for text in self.key.read_text().splitlines() if text and not text.startswith("-----")]


class Authority:
    """A certificate authority in a directory."""

    def __init__(self, directory: Path, name: str = "test authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._own = Certificate(directory / "ca.pem", directory / "ca.key")
        if not self.file.exists():
            _request(self._own, name, ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"))

    @property
    def file(self) -> Path:
        """What to trust."""
        return self._own.cert

    def issue(self, name: str, *hosts: str, password: str | None = None) -> Certificate:
        """A certificate for a client or for the server of `hosts`; the same one if it was asked for before."""
        issued = Certificate(self._directory / f"{name}.pem", self._directory / f"{name}.key")
        if not issued.both.exists():
            alternatives = [f"IP:{each}" if each[0].isdigit() else f"DNS:{each}" for each in hosts]
            names = (f"subjectAltName={','.join(alternatives)}",) if hosts else ()
            _request(issued, name, ("basicConstraints=critical,CA:FALSE", *names), self._own, password)
            issued.both.write_text(issued.key.read_text() + issued.cert.read_text())
        return issued


def _request(
    made: Certificate, name: str, extensions: tuple[str, ...], issuer: Certificate | None = None, password: str = ""
) -> None:
    """Have openssl make a key and a certificate for it: signed by the issuer, or by itself."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(made.cert)]
    command += ["-passout", f"pass:{password}"] if password else ["-nodes"]
    for extension in extensions:
        command += ["-addext", extension]
    if issuer is not None:
        command += ["-CA", str(issuer.cert), "-CAkey", str(issuer.key)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def skip_without_openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("NO openssl COMMAND HERE, nothing secured was tested; Debian: apt-get install openssl")
