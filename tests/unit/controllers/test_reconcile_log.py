"""Every line of a reconcile tells whose it is; what was written is told once, at its end."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from tests.unit.controllers.shell import Shell
from tests.unit.controllers.world import pinned
from triton_operator.controllers.keys import Key
from triton_operator.controllers.logs import JsonFormatter, TextFormatter
from triton_operator.controllers.reconcile_log import note_change, reconciling


class Lines(logging.Handler):
    """Keeps what a formatter makes of the operator's records."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonFormatter())
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def of(self, message: str) -> list[dict[str, object]]:
        return [line for line in self.lines if line["message"] == message]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logger = logging.getLogger("triton_operator")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_one_line_per_reconcile_that_wrote_and_none_at_rest(lines: Lines) -> None:
    shell = Shell(pinned())
    asyncio.run(shell.run())

    first = lines.of("Reconciled.")[0]
    assert (first["kind"], first["namespace"], first["name"]) == (
        "InferenceService",
        "shop",
        "filetype",
    )
    assert "Deployment filetype-cpu" in first["changes"]  # type: ignore[operator]
    assert "status" in first["changes"]  # type: ignore[operator]
    assert isinstance(first["duration_seconds"], float)
    numbers = [line["reconcile"] for line in lines.of("Reconciled.")]
    assert len(numbers) == len(set(numbers))

    lines.lines.clear()
    shell.controller.sweep()
    asyncio.run(shell.run())
    shell.controller.sweep()
    asyncio.run(shell.run())
    assert [line["changes"] for line in lines.of("Reconciled.")[1:]] == []


def test_two_tasks_do_not_mix_their_lines() -> None:
    async def one(name: str) -> list[str]:
        with reconciling(Key("InferenceService", "shop", name)) as this:
            for number in range(3):
                await asyncio.sleep(0)
                note_change(f"{name}{number}")
            return this.changes

    async def both() -> list[list[str]]:
        return list(await asyncio.gather(one("a"), one("b")))

    assert asyncio.run(both()) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    note_change("outside of a reconcile it belongs to nobody")


def test_text_begins_with_whose_line_it_is() -> None:
    record = logging.makeLogRecord({"levelname": "INFO", "msg": "Reconciled.", "created": 0.5})
    with reconciling(Key("ServingPool", "", "cpu")) as this:
        line = TextFormatter().format(record)

    assert line == f"00:00:00 I ServingPool cpu #{this.number} Reconciled."
    assert TextFormatter().format(record) == "00:00:00 I Reconciled."
