"""docs/metrics.md names exactly the metrics that there are, with type, labels and meaning."""

import asyncio
import re
from pathlib import Path

import yaml

from tests.unit.controllers.answers import answer
from tests.unit.controllers.shell import FILETYPE, Shell
from tests.unit.controllers.telemetry import instruments
from tests.unit.controllers.world import pinned

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
RESULTS_IN = Path(__file__).parents[3] / "operator/triton_operator/controllers/controller.py"


def metrics_in_code() -> set[tuple[str, ...]]:
    """Name, type, labels and meaning of each family, from an operator that did everything once."""
    shell = Shell(pinned())
    measured = instruments(shell, names=("shop",))
    shell.autoscaler.say(FILETYPE, answer(aside=frozenset()))
    asyncio.run(shell.run())
    shell.writer.writes.refused["Deployment"] += 1
    shell.writer.writes.skipped["Deployment"] += 1
    measured.traffic.ended("GET", 200, 0.1)
    measured.streams.heard("/api/v1/pods")
    rows = set()
    for family in measured.collector.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.samples, name
        labels = dict.fromkeys(label for one in family.samples for label in one.labels)
        named = ", ".join(f"`{label}`" for label in labels if label != "le")
        rows.add((f"`{name}`", family.type, named, family.documentation))
    return rows


def rows_of(page: str) -> list[tuple[str, ...]]:
    cells = [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in page.splitlines()]
    return [row for row in cells if row and row[0].startswith("`triton_operator_")]


def test_the_page_names_exactly_the_metrics_there_are() -> None:
    page = rows_of(PAGE.read_text(encoding="utf-8"))

    assert set(page) == metrics_in_code()
    assert len(page) == len(set(page))


def test_the_page_names_exactly_the_results_of_a_reconcile() -> None:
    code = RESULTS_IN.read_text(encoding="utf-8")
    in_code = set(re.findall(r'_retry\(key, "(\w+)"', code)) | {"ok"}
    section = PAGE.read_text(encoding="utf-8").split("| `result` | Meaning |")[1].split("\n\n")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == in_code


def test_alerts_ask_for_metrics_that_there_are() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    rules = [rule for group in yaml.safe_load(block)["groups"] for rule in group["rules"]]

    assert len(rules) == 6
    known = {row[0].strip("`") for row in metrics_in_code()}
    asked = {name for rule in rules for name in re.findall(r"triton_operator_\w+", rule["expr"])}
    assert asked <= known
