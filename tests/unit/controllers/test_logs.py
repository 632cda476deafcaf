"""Logs: one line per record, with its pairs, for machines and for people."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from triton_operator.controllers.logs import JsonFormatter, TextFormatter, configure_logs


def record(message: str = "A reconcile is tried again.", **pairs: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "triton_operator.x", "levelno": logging.WARNING, "levelname": "WARNING"}
    )
    made.msg = message
    made.created = 0.5
    vars(made).update(pairs)
    return made


def test_json_is_one_object_with_its_pairs() -> None:
    line = JsonFormatter().format(record(key="InferenceService shop/a", after_seconds=0.5))

    assert json.loads(line) == {
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "warning",
        "message": "A reconcile is tried again.",
        "logger": "triton_operator.x",
        "key": "InferenceService shop/a",
        "after_seconds": 0.5,
    }


def test_text_has_the_pairs_behind_the_sentence() -> None:
    line = TextFormatter().format(record(key="a"))

    assert line == "00:00:00 W A reconcile is tried again. key='a'"


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_a_bug_comes_with_its_traceback(formatter: logging.Formatter) -> None:
    broken = record()
    try:
        raise ValueError("odd")
    except ValueError:
        broken.exc_info = sys.exc_info()

    assert "ValueError: odd" in formatter.format(broken)


def test_what_kopf_adds_to_its_records_is_left_out() -> None:
    line = JsonFormatter().format(record(k8s_skip=True, settings=object(), k8s_ref={"a": 1}))

    assert "k8s" not in line
    assert "settings" not in line


def test_json_takes_what_json_does_not() -> None:
    assert json.loads(JsonFormatter().format(record(value={1, 2})))["value"] == "{1, 2}"


@pytest.fixture
def _root_as_it_was() -> Iterator[None]:
    names = ("", "kopf", "aiohttp", "asyncio")
    before = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("_root_as_it_was")
def test_kopfs_chatter_stays_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(as_json=True)

    logging.getLogger("kopf.objects").info("Handler succeeded.")
    logging.getLogger("kopf.objects").warning("A watch ended.")
    logging.getLogger("triton_operator").info("Hello.")
    logging.getLogger("triton_operator").debug("Details.")

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["message"] for line in lines] == ["A watch ended.", "Hello."]


@pytest.mark.usefixtures("_root_as_it_was")
def test_verbose_shows_everything_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(as_json=False, verbose=True)

    logging.getLogger("triton_operator").debug("Details.")

    assert "D Details." in capsys.readouterr().err
