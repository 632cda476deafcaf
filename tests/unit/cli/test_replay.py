"""`triton-operator replay`: what it says of a log, and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import Result

from tests.unit.autoscaling.recorded import Recorder, log_lines, recorded
from triton_operator.autoscaling import scale_down
from triton_operator.autoscaling.capacity import without_part
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.decision_record import DecisionRecord
from triton_operator.cli.decision_file import LONGEST_LINE_BYTES
from triton_operator.cli.exit_codes import FAILED, INVALID, OK

Call = Callable[..., Result]
SVG = "{http://www.w3.org/2000/svg}"


def up_and_down() -> list[DecisionRecord]:
    return recorded((60.0, 60), (400.0, 60), (60.0, 90))


def written(path: Path, records: list[DecisionRecord]) -> Path:
    path.write_text("".join(f"{line}\n" for line in log_lines(records)))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "decisions.jsonl", up_and_down())


def test_a_log_that_comes_out_the_same(call: Call, log: Path) -> None:
    result = call("replay", log)

    assert result.exit_code == OK, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "decisions.jsonl: 210 decisions in 1 run of the operator, 2026-09-21T14:13:21Z to "
        "2026-09-21T14:16:50Z"
    )
    assert "the same: every decision comes out as it did then" in lines
    changes = [line for line in lines if " -> " in line]
    assert len(changes) == int(next(line for line in lines if "changes" in line).split()[0])
    assert "requests/s now" in changes[0]


def test_json_has_every_change_with_its_reasons(call: Call, log: Path) -> None:
    found = json.loads(call("replay", log, "-o", "json").stdout)

    assert (found["decisions"], found["runs"], found["different"]) == (210, 1, 0)
    assert (found["openLoop"], found["firstDifference"], found["cutOffLine"]) == (False, None, None)
    change = found["changes"][0]
    assert change["to"] == change["toThen"] != change["from"]
    assert change["reasons"][0]["reason"] == "Demand"


def test_another_core_fails_with_the_first_difference(
    call: Call, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale_down, "LARGEST_STEP", 0.9)

    result = call("replay", log)
    found = json.loads(call("replay", log, "-o", "json").stdout)

    assert result.exit_code == FAILED
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("NOT THE SAME: "))
    first = found["firstDifference"]
    assert f"the first in line {first['line']}, {first['time']}: replicas: " in line


def test_other_settings_are_an_open_loop(call: Call, log: Path) -> None:
    result = call("replay", log, "--set", "least=5", "--set", "objective=150ms")

    assert result.exit_code == OK
    assert "decided with least=5, objective=150ms: " in result.stdout
    assert "open loop: each decision is on what was seen with the replicas of then" in result.stdout
    assert "settings: objective 150 ms for 99 % of requests, attainment 99 %, 5 to 40 replicas" in (
        result.stdout
    )
    found = json.loads(call("replay", log, "--set", "least=5", "-o", "json").stdout)
    assert found["openLoop"]
    assert min(change["to"] for change in found["changes"]) == 5


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("speed=1", "wanted is one of prefer=Latency"),
        ("least", "wanted is one of"),
        ("prefer=Speed", "wanted is one of Cost, Latency, Throughput, Energy"),
        ("attainment=0.99", "a percentage from 1 to 100, such as attainment=99.9"),
        ("least=-1", "a whole number up to 1000"),
        ("most=99999", "a whole number up to 1000"),
        ("objective=150", "such as objective=150ms"),
        ("objective=9999s", "a time from 1ms to 3600s"),
    ],
)
def test_settings_that_are_none(call: Call, log: Path, word: str, says: str) -> None:
    result = call("replay", log, "--set", word)

    assert result.exit_code == INVALID
    assert says in " ".join(result.stderr.replace("│", " ").split())


def test_bounds_must_not_cross(call: Call, log: Path) -> None:
    result = call("replay", log, "--set", "least=9", "--set", "most=3")

    assert result.exit_code == INVALID
    assert "least must not be greater than most" in result.stderr
    assert "1 to 1 replicas" in call("replay", log, "--set", "most=1").stdout
    assert "50 to 50 replicas" in call("replay", log, "--set", "least=50").stdout


def test_a_file_that_ends_in_a_line_is_read_up_to_it(call: Call, log: Path) -> None:
    text = log.read_text()
    log.write_text(text[: text.rindex('"decision"')])

    result = call("replay", log)

    assert result.exit_code == OK
    assert "209 decisions" in result.stdout
    assert "line 210 is cut off and left out: the export broke off there" in result.stdout


def test_a_broken_line_within_is_named(call: Call, log: Path) -> None:
    lines = log.read_text().splitlines()
    lines[9] = lines[9].replace('"ready":2', '"ready":"two"')
    log.write_text("\n".join(lines) + "\n")

    result = call("replay", log)

    assert result.exit_code == INVALID
    assert result.stderr == (
        f"{log}: line 10: observation.ready: a whole number is wanted, not 'two'\n"
    )


def edited() -> DecisionLog:
    """Twenty decisions with other bounds in the middle, the pods with another image after that."""
    recorder, log = Recorder(), DecisionLog()
    recorder.look(60.0, 20)
    recorder.settings = replace(recorder.settings, least=3)
    recorder.look(60.0, 20)
    recorder.state = without_part(replace(recorder.state, part=0.9))
    recorder.settings = replace(recorder.settings, least=1)
    recorder.look(60.0, 20)
    for record in recorder.records:
        log.append("shop/a", record)
    return log


def test_settings_that_change_are_all_told_and_are_no_run(call: Call, log: Path) -> None:
    lines = list(edited().lines("shop/a"))
    log.write_text("".join(f"{line}\n" for line in lines))
    assert sum('"state":' in line for line in lines) == 2, "what is replayed begins anew"

    result = call("replay", log, "--plot", log.with_suffix(".svg"))
    found = json.loads(call("replay", log, "-o", "json").stdout)

    assert result.exit_code == OK, result.stdout
    assert "60 decisions in 1 run of the operator, " in result.stdout
    told = "objective 250 ms for 99 % of requests, attainment 99 %"
    assert result.stdout.splitlines()[1:5] == [
        "settings, which changed 2 times:",
        f"  from 2026-09-21T14:13:21Z: {told}, 1 to 40 replicas, prefer Cost",
        f"  from 2026-09-21T14:13:41Z: {told}, 3 to 40 replicas, prefer Cost",
        f"  from 2026-09-21T14:14:01Z: {told}, 1 to 40 replicas, prefer Cost",
    ]
    assert [(row["from"][14:19], row["minReplicas"]) for row in found["settings"]] == [
        ("13:21", 1),
        ("13:41", 3),
        ("14:01", 1),
    ]
    assert found["settings"][0]["to"] == "2026-09-21T14:13:40Z"
    drawn = log.with_suffix(".svg").read_text()
    assert "1 to 40 replicas, prefer Cost since 14:14:01, others before; 60 decisions" in drawn


def test_settings_that_are_set_did_not_change(call: Call, log: Path) -> None:
    log.write_text("".join(f"{line}\n" for line in edited().lines("shop/a")))

    lines = call("replay", log, "--set", "least=4").stdout.splitlines()

    assert lines[1].startswith("settings: objective 250 ms ")
    assert "4 to 40 replicas" in lines[1]


def test_of_settings_that_change_all_the_time_the_last_are_told(call: Call, log: Path) -> None:
    recorder = Recorder()
    for most in range(20, 34):
        recorder.settings = replace(recorder.settings, most=most)
        recorder.look(60.0)

    lines = call("replay", written(log, recorder.records)).stdout.splitlines()

    assert lines[1] == "settings, which changed 13 times, the last 10 of them:"
    assert "1 to 33 replicas" in lines[11]
    assert lines[12].startswith("the same")


def test_two_runs_in_one_file(call: Call, log: Path) -> None:
    with log.open("a") as file:
        file.write("\n")
        for line in log_lines(recorded((200.0, 60), began=1_790_000_900.0)):
            file.write(f"{line}\n")

    result = call("replay", log, "--plot", log.with_suffix(".svg"))

    assert result.exit_code == OK, result.stdout
    assert "270 decisions in 2 runs of the operator, " in result.stdout
    drawing = ElementTree.fromstring(log.with_suffix(".svg").read_text())
    (legend,) = (text for text in drawing.iter(f"{SVG}text") if text.text == "demand, as judged")
    assert legend is not None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no decision in it"),
        (b"\n\n", "no decision in it"),
        (b"\xff\xfe\n", "line 1: no UTF-8"),
        (b"{}\n", "line 1: no record of a decision"),
        (b"[" * 1_000_000 + b"\n", "line 1: nested too deeply"),
        (b"x" * (LONGEST_LINE_BYTES + 1), f"line 1: longer than {LONGEST_LINE_BYTES:,} bytes"),
    ],
    ids=["empty", "blank", "no text", "no record", "deep", "long"],
)
def test_files_that_are_no_log(call: Call, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)

    result = call("replay", path)

    assert result.exit_code == INVALID
    assert says in result.stderr


def test_a_line_of_100_mb_is_refused_without_reading_it(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.truncate(100_000_000)

    result = call("replay", path)

    assert result.exit_code == INVALID
    assert "longer than" in result.stderr


def test_a_log_without_its_beginning(call: Call, log: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[1:]))

    result = call("replay", log)

    assert result.exit_code == INVALID
    assert "line 1: no state, and none before it" in result.stderr


def test_a_file_that_is_not_there(call: Call, tmp_path: Path) -> None:
    result = call("replay", tmp_path / "absent.jsonl")

    assert result.exit_code == INVALID
    assert "absent.jsonl" in result.stderr


def test_numbers_at_their_bounds_end(call: Call, log: Path) -> None:
    """What may be in a file is more than what an operator writes; none of it may hang."""
    records = up_and_down()[:30]
    seen = records[-1].observation
    assert seen.traffic is not None
    traffic = replace(seen.traffic, interval_seconds=86400.0, arrivals=1e9)
    wild = replace(seen, traffic=traffic, pending=1e9, ready=100_000, lead_seconds=86400.0)
    records[-1] = replace(records[-1], observation=wild)

    result = call("replay", written(log, records), "--plot", log.with_suffix(".svg"))

    assert result.exit_code == FAILED, "the decision of the record is that of other numbers"
    ElementTree.fromstring(log.with_suffix(".svg").read_text())
