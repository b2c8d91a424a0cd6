"""Logs: the same keys everywhere, one line each, and never a secret."""

import ast
import io
import json
import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.workers.ops.log_lines import JsonLines, TextLines
from headgate.workers.ops.logs import Logs
from headgate.workers.ops.masking import Mask
from headgate.workers.ops.vocabulary import ALWAYS, CONTEXT, WRITTEN

ROOT = Path(__file__).parents[3]
SECRET = 'sk-li/ve+"123"'


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def logs(stream):
    with Logs("json", "info", [SECRET], stream) as logs:
        yield logs


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def record_of(message="happened", **extra):
    record = logging.makeLogRecord({"msg": message, "name": "headgate.x", "levelname": "INFO", "created": 0.5})
    record.__dict__.update(extra)
    return record


# JSON lines


def test_a_line_has_the_fixed_keys_first_and_its_context_after_them(logs, stream):
    logging.getLogger("headgate.workers.x").warning("a call %s", "failed", extra={"request_id": "r", "attempt": 2})
    (line,) = lines_of(stream)
    assert list(line) == [*ALWAYS, "request_id", "attempt"]
    assert line | {"ts": ""} == {
        "ts": "",
        "level": "warning",
        "logger": "headgate.workers.x",
        "event": "a call failed",
        "request_id": "r",
        "attempt": 2,
    }


def test_the_time_is_rfc_3339_in_utc(logs, stream):
    logging.getLogger("headgate").info("now")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", lines_of(stream)[0]["ts"])
    assert json.loads(JsonLines(Mask()).format(record_of()))["ts"] == "1970-01-01T00:00:00.500Z"


def test_a_traceback_stands_in_its_line(logs, stream):
    try:
        raise ValueError("wrong")  # noqa: TRY301 - a traceback is wanted
    except ValueError:
        logging.getLogger("headgate").exception("it broke")
    (line,) = lines_of(stream)
    assert line["level"] == "error"
    assert line["exception"].endswith("ValueError: wrong")


def test_a_key_outside_the_vocabulary_is_kept_under_other():
    line = json.loads(JsonLines(Mask()).format(record_of(message_id="m", code="timeout")))
    assert line["other"] == {"message_id": "m"}
    assert line["code"] == "timeout"


@given(st.text(), st.dictionaries(st.sampled_from([*CONTEXT, "foreign"]), st.text() | st.floats() | st.integers()))
def test_any_text_makes_one_json_line(message, context):
    context.pop("args", None)
    line = JsonLines(Mask(["secret"])).format(record_of(message.replace("%", "%%"), **context))
    assert "\n" not in line
    assert isinstance(json.loads(line), dict)


def test_a_text_without_utf_8_is_spelt_out():
    line = json.loads(JsonLines(Mask()).format(record_of("file \ud800", path="\udcff", foreign="\ud800")))
    assert (line["event"], line["path"]) == ("file \\ud800", "\\udcff")


# Text lines


def test_text_is_for_people_and_carries_the_same_keys():
    assert TextLines(Mask()).format(record_of(request_id="r", attempt=2)) == (
        "00:00:00.500 info     headgate.x: happened  request_id=r  attempt=2"
    )


@given(st.text())
def test_what_a_provider_says_starts_no_line_of_its_own(said):
    line = TextLines(Mask()).format(record_of("the provider said", error=said))
    assert "\n" not in line
    assert "\r" not in line


def test_auto_is_text_on_a_terminal_and_json_elsewhere():
    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        with Logs("auto", stream=stream):
            logging.getLogger("headgate").info("x")
        assert stream.getvalue().startswith("{") is is_json


# Levels and libraries


def test_the_level_is_of_headgate_and_libraries_speak_from_warning_on(stream):
    libraries = ["aiokafka.consumer", "faststream", "faststream.access.kafka", "redis", "aiohttp.web"]
    with Logs("json", "debug", stream=stream):
        for name in (
            "headgate.a",
            "aiokafka.consumer",
            "faststream",
            "faststream.access.kafka",
            "redis",
            "aiohttp.web",
        ):
            logging.getLogger(name).debug("quiet")
            logging.getLogger(name).info("quiet")
            logging.getLogger(name).warning("loud")
    said = [(line["logger"], line["event"]) for line in lines_of(stream)]
    assert said[:3] == [("headgate.a", "quiet"), ("headgate.a", "quiet"), ("headgate.a", "loud")]
    assert [logger for logger, _ in said[3:]] == libraries


def test_a_library_s_own_handler_is_adopted(logs, stream, capsys):
    logger = logging.getLogger("faststream.access.kafka")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.propagate = False
    logs.adopt()
    logger.warning("a rebalance")
    assert [line["event"] for line in lines_of(stream)] == ["a rebalance"]
    assert capsys.readouterr().out == ""


def test_warnings_are_lines_too(logs, stream):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)  # catch_warnings has put its own showwarning in place
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    (line,) = lines_of(stream)
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "DeprecationWarning: old" in line["event"]


def test_stop_gives_logging_back_as_it_was(stream):
    names = (None, "headgate", "faststream", "aiokafka")
    before = [(list(lg.handlers), lg.level, lg.propagate) for lg in map(logging.getLogger, names)]
    with Logs("json", "error", stream=stream):
        pass
    assert [(list(lg.handlers), lg.level, lg.propagate) for lg in map(logging.getLogger, names)] == before


def test_lines_are_counted_by_level(logs):
    logging.getLogger("headgate").error("x")
    logging.getLogger("headgate").error("x")
    logging.getLogger("headgate").debug("x")
    assert dict(logs.written) == {"error": 2}


# Secrets


@pytest.mark.parametrize("how", ["json", "text"])
def test_a_secret_is_masked_wherever_it_gets_in(how):
    stream = io.StringIO()
    with Logs(how, "info", [SECRET], stream):
        logger = logging.getLogger("headgate")
        try:
            raise ValueError(f"no access with {SECRET!r}")  # noqa: TRY301 - a traceback is wanted
        except ValueError:
            logger.exception("key %s, %r, %s", SECRET, SECRET, json.dumps({"k": SECRET}), extra={"error": SECRET})
        logger.info("x", extra={"other_thing": {"api_key": SECRET}, "address": "redis://u:hunter22@h"})
        logger.info("https://x/?k=sk-li%2Fve%2B%22123%22")
    text = stream.getvalue()
    for spelling in (SECRET, json.dumps(SECRET)[1:-1], "sk-li", "hunter22"):
        assert spelling not in text
    assert text.count("***") >= 7


def test_a_secret_that_is_learned_later_is_masked_from_then_on():
    stream = io.StringIO()
    with Logs("json", "info", [SECRET], stream) as logs:
        logs.learn("sk-rotated")
        logging.getLogger("headgate").info("%s and %s", SECRET, "sk-rotated")
    assert "*** and ***" in stream.getvalue()


def test_a_mask_forgets_the_oldest_of_what_it_learned_and_nothing_else():
    mask = Mask(["first-secret"])
    for number in range(200):
        mask.learn(f"later-{number:03}")
    assert mask("first-secret later-199 later-100 later-000") == "*** *** *** later-000"


@given(st.lists(st.text(min_size=4, max_size=12), max_size=4), st.text(max_size=30), st.data())
def test_no_known_secret_survives(secrets, around, data):
    mask = Mask(secrets)
    text = around + "".join(data.draw(st.permutations(secrets))) + around
    masked = mask(text)
    for secret in secrets:
        assert secret not in masked.replace("***", "\0") or set(secret) <= {"\0", "*"}


@given(st.text(max_size=3), st.text(max_size=20))
def test_what_is_too_short_for_a_secret_garbles_nothing(secret, text):
    assert Mask([secret])(text) == Mask()(text)


def test_a_percent_encoded_password_is_masked_in_the_clear_as_well():
    assert Mask(["p%40ssword"])("p%40ssword p@ssword") == "*** ***"


# The vocabulary


def test_vocabularies_do_not_overlap_and_are_explained():
    assert not (set(ALWAYS) & set(CONTEXT)) | (set(WRITTEN) & set(CONTEXT))
    own = set(logging.makeLogRecord({}).__dict__)
    assert not set(CONTEXT) & own, "logging refuses these"
    assert all({**ALWAYS, **CONTEXT, **WRITTEN}.values())


def extras_of(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # a method of a logger
            yield from (word.value for word in node.keywords if word.arg == "extra")


def strangers(source):
    for extra in extras_of(ast.parse(source)):
        if not isinstance(extra, ast.Dict):
            yield f"line {extra.lineno}: extra is no dict literal"
            continue
        for name in extra.keys:
            if not isinstance(name, ast.Constant) or name.value not in CONTEXT:
                yield f"line {extra.lineno}: {ast.unparse(name) if name else '**'}"


def test_every_log_call_keeps_to_the_vocabulary():
    files = [file for room in ("workers", "producers", "reporting", "routing") for file in (ROOT / room).rglob("*.py")]
    found = {str(file.relative_to(ROOT)): list(strangers(file.read_text("utf-8"))) for file in files}
    assert len(found) > 20
    assert {file: told for file, told in found.items() if told} == {}


@pytest.mark.parametrize(
    "call", ['log.info("x", extra={"reqest_id": 1})', 'log.info("x", extra=facts)', 'log.info("x", extra={**facts})']
)
def test_the_check_finds_what_does_not_keep_to_it(call):
    assert list(strangers(call))


def test_a_process_logs_json_when_its_stderr_is_a_pipe():
    program = "import logging\nfrom headgate.workers.ops.logs import Logs\nLogs().start()\n"
    program += "logging.getLogger('headgate').info('up', extra={'port': 1})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stderr)["event"] == "up"
    assert done.stdout == b""
