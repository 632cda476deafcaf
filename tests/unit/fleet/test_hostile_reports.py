"""Members that tell what is not so: what one of them says costs no other cluster anything."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from triton_operator.api.enums import ConnectionState, Tier
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import Scaling
from triton_operator.fleet.member import Member, facts_of
from triton_operator.fleet.placement import Placed, place
from triton_operator.fleet.placement_findings import rows
from triton_operator.fleet.placement_memory import PlacementMemory
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.published import published_memory
from triton_operator.fleet.reports import Report, merged, report_of

SCALING = Scaling(max_replicas=30)
LOAD = {"readyReplicas": 1, "capReplicas": 1, "observedAt": "2001-01-01T00:00:00Z"}
SPEC = InferenceClusterSpec(tier=Tier.CLOUD)


@dataclass
class Fleet:
    """Places on members, whose works have what was placed last."""

    most: int = 30
    memory: PlacementMemory = field(default_factory=PlacementMemory)
    works: dict[str, dict[str, Any]] = field(default_factory=dict)
    now: float = 0.0
    placed: Placed | None = None
    rows: Any = None

    def place(self, **reports: Report) -> dict[str, int]:
        """Ceilings after one decision; a cluster without a report is Lost, and told this before."""
        self.now += 30.0
        settings = PlacementSettings(most=self.most)
        facts = {
            name: facts_of(self.member(name, report), SCALING, self.memory.site(name), None)
            for name, report in reports.items()
        }
        self.memory, placed = place(tuple(facts.values()), settings, self.memory, self.now)
        self.rows = rows(placed, facts, self.memory)
        for name, site in placed.sites.items():
            before = self.works.get(name, {"revision": 0})
            if facts[name].moves and before.get("most") != site.ceiling:
                scaling = {"mode": "Auto", "minReplicas": 1, "maxReplicas": site.ceiling}
                self.works[name] = {
                    "revision": before["revision"] + 1,
                    "template": {"scaling": scaling},
                }
        return {name: site.ceiling for name, site in placed.sites.items()}

    def member(self, name: str, report: Report) -> Member:
        lost = report.problem == "lost"
        state = ConnectionState.LOST if lost else ConnectionState.CONNECTED
        return Member(name, SPEC, state, None, report, work_spec=self.works.get(name))

    def applied(self, name: str, **more: Any) -> Report:
        """An honest report of the work as it is."""
        spec = self.works[name]
        most = spec["template"]["scaling"]["maxReplicas"]
        usual = {"ready": 1, "capacity": 10, "need": 1.0, "applied": True}
        return Report(**{**usual, "revision": spec["revision"], "maximum": most, **more})

    def restart(self) -> None:
        """A hub that knows what was written down."""
        self.memory = published_memory(
            {name: {"spec": spec} for name, spec in self.works.items()},
            {row.name: row for row in self.rows},
            minimum=1,
            local_only_share=0.0,
            now=self.now,
        )


def three() -> Fleet:
    fleet = Fleet()
    first = Report(ready=1, capacity=10, need=1.0)
    assert fleet.place(a=first, b=first, c=first) == {"a": 10, "b": 10, "c": 10}
    return fleet


def test_a_forged_maximum_takes_nothing_from_the_others() -> None:
    fleet = three()
    forged = replace(fleet.applied("a"), maximum=100_000)
    fleet.place(a=forged, b=fleet.applied("b"), c=fleet.applied("c"))

    silent = replace(forged, problem="lost")
    for _ in range(5):
        found = fleet.place(a=silent, b=fleet.applied("b"), c=fleet.applied("c"))

    assert found == {"a": 10, "b": 10, "c": 10}


def test_a_maximum_that_the_hub_wrote_counts_until_it_is_told_to_be_replaced() -> None:
    """`a` has applied ten, and says so again and again; it has not read that it is to have two."""
    fleet = three()
    old = fleet.applied("a")
    fleet.most = 6
    assert fleet.place(a=old, b=fleet.applied("b"), c=fleet.applied("c")) == {
        "a": 4,
        "b": 1,
        "c": 1,
    }

    fleet.most, small = 18, replace(old, capacity=2)
    unread = fleet.place(a=small, b=fleet.applied("b"), c=fleet.applied("c"))
    assert unread["b"] + unread["c"] == 8, "ten may be in force in a"

    fleet.restart()
    again = fleet.place(a=small, b=fleet.applied("b"), c=fleet.applied("c"))
    assert again["b"] + again["c"] == 8, "a hub that has just started knows it too"

    for _ in range(3):
        found = fleet.place(**{name: fleet.applied(name) for name in "abc"})
    assert sum(found.values()) == 18


def test_an_old_report_of_a_low_maximum_does_not_hide_what_was_written_since() -> None:
    fleet = three()
    low = Report(ready=1, capacity=10, need=1.0, revision=0, maximum=1)
    fleet.most = 6
    fleet.place(a=low, b=fleet.applied("b"), c=fleet.applied("c"))

    fleet.most = 18
    low = replace(low, capacity=2)
    found = fleet.place(a=low, b=fleet.applied("b"), c=fleet.applied("c"))

    assert found["b"] + found["c"] == 8


def test_a_refused_report_does_not_say_what_is_in_force() -> None:
    status = {"sequence": 1, "appliedMaxReplicas": 9, "load": {**LOAD, "needReplicas": "999999999"}}

    report = report_of(status)

    assert (report.refused != "", report.maximum) == (True, None)
    assert merged(report, Report(maximum=4)).maximum == 4
