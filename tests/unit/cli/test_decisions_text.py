"""What `triton-operator decisions` prints of a log that has arrived."""

from collections.abc import Callable

import pytest
from click.testing import Result

from tests.unit.autoscaling.recorded import log_lines, recorded
from triton_operator.cli import decisions
from triton_operator.cli.exit_codes import INVALID, OK

Call = Callable[..., Result]
WORDS = ("decisions", "a", "-n", "shop")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the operator answers with."""
    lines = log_lines(recorded((60.0, 60), (400.0, 60)))

    async def answer(*_: object) -> bytes:
        return "".join(f"{line}\n" for line in lines).encode()

    monkeypatch.setattr(decisions, "_log", answer)
    return lines


def test_people_get_the_changes_as_they_were_decided(call: Call, log: list[str]) -> None:
    result = call(*WORDS)

    assert result.exit_code == OK, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("shop/a: 120 decisions in 1 run of the operator, 2026-09-21T14:13:")
    assert lines[1].startswith("settings: objective 250 ms for 99 % of requests, ")
    assert sum(" -> " in line for line in lines) == int(lines[3].split()[0]) > 0
    assert "`triton-operator decisions a -n shop -o json`" in lines[-1]


def test_replay_gets_all_lines_as_they_came(call: Call, log: list[str]) -> None:
    result = call(*WORDS, "-o", "json")

    assert (result.exit_code, result.stdout.splitlines()) == (OK, log)


def test_of_another_version_only_its_own_words_are_known(call: Call, log: list[str]) -> None:
    log[1] = log[1].replace('"version":3', '"version":9')

    result = call(*WORDS)

    assert result.exit_code == INVALID
    assert "of another version: line 2: version: 3 is wanted, not 9" in result.stderr
    assert "-o json` has its own words" in result.stderr
    assert call(*WORDS, "-o", "json").exit_code == OK


def test_no_decision_yet(call: Call, log: list[str]) -> None:
    log.clear()

    result = call(*WORDS)

    assert (result.exit_code, result.stderr) == (INVALID, "no decision on shop/a yet\n")
