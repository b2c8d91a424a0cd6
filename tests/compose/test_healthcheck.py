"""The image's healthcheck command."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[2] / "compose" / "healthcheck.py"


class _Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/healthz": 200, "/odd": 204}.get(self.path, 503))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Be quiet."""


@pytest.fixture
def base() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def check(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(_SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_a_healthy_service_passes(base: str) -> None:
    assert check(f"{base}/healthz").returncode == 0


@pytest.mark.parametrize("path", ["/broken", "/odd"])
def test_any_other_answer_fails(base: str, path: str) -> None:
    assert check(f"{base}{path}").returncode == 1


def test_no_answer_fails_with_a_reason() -> None:
    done = check("http://127.0.0.1:1/healthz")
    assert done.returncode == 1
    assert "expected http://127.0.0.1:1/healthz to answer" in done.stderr
