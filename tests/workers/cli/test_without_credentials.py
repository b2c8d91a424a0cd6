"""Whoever calls no provider is not asked for a provider's credentials."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """
bus: {kafka: {bootstrap_servers: ["127.0.0.1:1"]}}
providers:
  openai: {api_key: os.environ/OPENAI_API_KEY}
"""
PASSWORD = "store: {redis: {url: redis://127.0.0.1:1, password: os.environ/REDIS_PASSWORD}}\n"


def headgate(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "headgate.workers.cli", *words]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, env={}, timeout=60)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    return tmp_path


def test_a_recorder_goes_as_far_as_its_bus(directory: Path) -> None:
    done = headgate(directory, "recorder")
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr


def test_a_recorder_is_asked_for_the_password_of_its_store(directory: Path) -> None:
    (directory / "headgate.yaml").write_text(CONFIG + PASSWORD)
    done = headgate(directory, "recorder")
    assert done.returncode == 2
    assert "REDIS_PASSWORD" in done.stderr


def test_a_report_needs_nobodys(directory: Path) -> None:
    (directory / "headgate.yaml").write_text(CONFIG + PASSWORD)
    done = headgate(directory, "report", "cost")
    assert done.returncode == 2
    assert "expected the environment variable" not in done.stderr
    assert "headgate.duckdb" in done.stderr


def test_a_worker_is_asked_for_them(directory: Path) -> None:
    done = headgate(directory, "worker")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
