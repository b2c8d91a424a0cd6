"""docs/operations/kafka.md tells what is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headgate.producers.kafka_topics import headgate_topics, partitions_of
from headgate.schemas.config import Config, KafkaBus
from headgate.schemas.topics import Topics
from support.kafka_server import SCRIPT

_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "operations" / "kafka.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE, re.DOTALL)


def test_every_topic_is_in_the_table_and_no_other() -> None:
    told = re.findall(r"^\| `(headgate\.[a-z0-9.-]+)` \|", _PAGE, re.MULTILINE)
    assert sorted(told) == sorted(headgate_topics(KafkaBus()))


def test_partitions_stand_in_the_table_as_they_are_made() -> None:
    told = dict(re.findall(r"^\| `(headgate\.[a-z0-9.-]+)` \| (\d+) \|", _PAGE, re.MULTILINE))
    config = KafkaBus(partitions=12)
    assert {topic: int(count) for topic, count in told.items()} == {
        topic: partitions_of(config, topic) for topic in headgate_topics(config)
    }


def test_topics_that_the_broker_stamps_are_named() -> None:
    stamped = [t for t, settings in headgate_topics(KafkaBus()).items() if "message.timestamp.type" in settings]
    assert set(stamped) == {*Topics().lanes, *Topics().deferrals, Topics().control}
    assert "on the lanes, the deferral topics and `headgate.control`" in _PAGE


def test_retention_is_told_in_the_same_days_twice() -> None:
    told = re.findall(r"\| (\d{9,}) \((\d+) days\) \|", _PAGE)
    assert len(told) == len(headgate_topics(KafkaBus()))
    assert all(int(ms) == int(days) * 86_400_000 for ms, days in told)


@pytest.mark.parametrize("example", _blocks("yaml"))
def test_every_config_example_is_valid(example: str) -> None:
    config = Config.model_validate(yaml.safe_load(example))
    assert config.bus is not None
    assert config.bus.kafka is not None


def test_every_option_of_up_is_described_with_its_default() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "up", "--help"], capture_output=True, text=True, check=True)
    options = set(re.findall(r"(--[a-z-]+)", done.stdout)) - {"--help"}
    assert set(re.findall(r"^\| `(--[a-z-]+) [A-Z]+` \|", _PAGE, re.MULTILINE)) == options
    assert len(options) == 9


def test_every_command_of_the_script_exists() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    told = set(re.findall(r"compose/kafka ([a-z]+)", _PAGE))
    assert told == {"up", "down", "status", "prepare"}
    assert all(re.search(rf"^ +{command} ", done.stdout, re.MULTILINE) for command in told)


def test_the_largest_record_is_the_one_the_script_allows() -> None:
    from_script = (SCRIPT.parent / "kafka.d" / "settings.py").read_text()
    assert "MESSAGE_MAX_BYTES: Final = 10 * 1024 * 1024" in from_script
    assert set(re.findall(r"max\.message\.bytes=(\d+)", _PAGE)) == {str(10 * 1024 * 1024)}
