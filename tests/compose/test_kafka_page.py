"""docs/operations/kafka.md tells what is so."""

import re
import shlex
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


def test_what_is_said_to_containers_names_services_and_paths_of_theirs() -> None:
    compose = yaml.safe_load((SCRIPT.parent / "compose.yaml").read_text())
    lines = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("docker ")]
    said = [shlex.split(line, comments=True) for line in lines]
    assert all(words[:4] == ["docker", "compose", "-f", "compose/compose.yaml"] for words in said)
    composed = [words[4:] for words in said]
    assert {words[0] for words in composed} == {"up", "exec", "logs", "stop", "down"}
    for words in composed:
        if words[0] == "exec":
            service = compose["services"][words[1]]
            assert words[-1] in {each["target"] for each in service["configs"]}
        if words[0] == "logs":
            assert set(words[1:]) - {"--follow"} <= set(compose["services"])


def test_a_config_for_the_host_asks_where_the_broker_is_published() -> None:
    compose = yaml.safe_load((SCRIPT.parent / "compose.yaml").read_text())
    (config,) = [each for each in _blocks("yaml") if "localhost:9092" in each]
    address = Config.model_validate(yaml.safe_load(config)).bus.kafka.bootstrap_servers[0]
    assert compose["services"]["kafka"]["ports"] == [f"127.0.0.1:9092:{address.rpartition(':')[2]}"]
    assert f"OUTSIDE://{address}" in compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
