"""Placement: which pools may serve, which one first, and the reason that people read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import gpu_pool, pool, price, takes_anything
from triton_operator.api.enums import Preference
from triton_operator.api.inference_service import Hardware
from triton_operator.planning.placement import NO_POOL_FITS, POOL_NOT_FOUND, Placement, place
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal

CPU, GPU = pool("cpu"), gpu_pool("l4")
CHEAP = pool("cheap", cost_per_replica_hour=price("0.10"), watts_per_replica=90)
DEAR = gpu_pool("dear", cost_per_replica_hour=price("0.71"), watts_per_replica=72)


@dataclass(frozen=True)
class Order:
    name: str
    pools: list[Pool]
    expected: list[str]
    why: str
    hardware: Mapping[str, Any] = field(default_factory=dict)
    prefer: Preference = Preference.COST
    says: str = ""


@pytest.mark.parametrize(
    "row",
    [
        Order("only one", [CPU], ["cpu"], "nothing to choose", says="the only pool that matches"),
        Order(
            "inferred",
            [pool("cpu", inferred=True)],
            ["cpu"],
            "the reader learns that nobody described it",
            says="inferred from the nodes",
        ),
        Order(
            "cheapest first",
            [DEAR, CHEAP],
            ["cheap", "dear"],
            "Cost is the default",
            says="0.10 per replica and hour",
        ),
        Order(
            "priced before unpriced",
            [CPU, DEAR],
            ["dear", "cpu"],
            "an unknown price may be any",
            says="lowest known price",
        ),
        Order(
            "no price at all",
            [GPU, CPU],
            ["cpu", "l4"],
            "CPUs are the cheaper guess",
            says="a CPU pool is the cheaper guess",
        ),
        Order(
            "equal price",
            [gpu_pool("b", cost_per_replica_hour=price("1")), pool("c"), gpu_pool("a")],
            ["b", "c", "a"],
            "price, then kind, then name",
        ),
        Order("same in all", [pool("b"), pool("a")], ["a", "b"], "names make it deterministic"),
        Order(
            "latency",
            [CHEAP, DEAR],
            ["dear", "cheap"],
            "a GPU answers faster, whatever it costs",
            prefer=Preference.LATENCY,
            says="as spec.objective.prefer is Latency",
        ),
        Order(
            "throughput",
            [CPU, GPU],
            ["l4", "cpu"],
            "and takes more",
            prefer=Preference.THROUGHPUT,
            says="a GPU pool",
        ),
        Order(
            "energy",
            [CHEAP, DEAR],
            ["dear", "cheap"],
            "72 W against 90 W",
            prefer=Preference.ENERGY,
            says="72 W per replica is the least",
        ),
        Order(
            "energy, one unknown",
            [pool("unknown", cost_per_replica_hour=price("0.01")), DEAR],
            ["dear", "unknown"],
            "a price in dollars is no power in watts: known watts come first",
            prefer=Preference.ENERGY,
            says="72 W",
        ),
        Order(
            "two currencies",
            [
                pool("euro", cost_per_replica_hour=price("0.90"), currency="EUR"),
                gpu_pool("dollar", cost_per_replica_hour=price("0.71"), currency="USD"),
            ],
            ["euro", "dollar"],
            "no exchange rate is known: prices are not compared",
            says="prices in EUR and USD are not compared",
        ),
        Order(
            "one currency",
            [
                pool("dear", cost_per_replica_hour=price("0.90"), currency="EUR"),
                gpu_pool("cheap", cost_per_replica_hour=price("0.71"), currency="EUR"),
            ],
            ["cheap", "dear"],
            "here they are",
            says="0.71 per replica and hour",
        ),
        Order(
            "empty pool last",
            [pool("empty", has_nodes=False, cost_per_replica_hour=price("0.01")), DEAR],
            ["dear", "empty"],
            "a pool without nodes cannot serve now",
        ),
        Order(
            "all empty",
            [gpu_pool("l4", has_nodes=False), pool("cpu", has_nodes=False)],
            ["cpu", "l4"],
            "autoscaled pools may all be empty; the order stays",
        ),
        Order("gpu only", [CPU, GPU], ["l4"], "asked for", hardware={"accelerator": "GPU"}),
        Order("cpu only", [CPU, GPU], ["cpu"], "asked for", hardware={"accelerator": "CPU"}),
        Order(
            "named",
            [CHEAP, DEAR, CPU],
            ["cpu", "dear"],
            "the user's order beats price",
            hardware={"pools": ["cpu", "dear"]},
            says="first in spec.hardware.pools",
        ),
        Order(
            "named and empty",
            [pool("empty", has_nodes=False), CHEAP],
            ["empty", "cheap"],
            "and beats emptiness: it may be scaled up for this",
            hardware={"pools": ["empty", "cheap"]},
        ),
    ],
    ids=lambda row: row.name,
)
def test_order(row: Order) -> None:
    placement = place(Hardware.model_validate(row.hardware), row.prefer, row.pools, takes_anything)

    assert isinstance(placement, Placement)
    assert [chosen.name for chosen in placement.pools] == row.expected, row.why
    assert row.says in placement.reason
    assert placement.reason.startswith(f"pool {row.expected[0]} first: ")


class Refused(NamedTuple):
    name: str
    pools: list[Pool]
    hardware: dict[str, Any]
    reason: str
    says: tuple[str, ...]


@pytest.mark.parametrize(
    "row",
    [
        Refused(
            "no gpu",
            [CPU],
            {"accelerator": "GPU"},
            NO_POOL_FITS,
            ("spec.hardware.accelerator is GPU", "cpu (CPU)", "or choose Any"),
        ),
        Refused("no pool", [], {}, NO_POOL_FITS, ("the cluster's pools are none",)),
        Refused(
            "misspelt",
            [CPU, GPU],
            {"pools": ["l40", "cpu", "h100"]},
            POOL_NOT_FOUND,
            ("spec.hardware.pools", "l40, h100", "this cluster has cpu, l4"),
        ),
        Refused(
            "contradiction",
            [CPU, GPU],
            {"pools": ["l4", "cpu"], "accelerator": "GPU"},
            NO_POOL_FITS,
            ("spec.hardware.accelerator is GPU", "pool cpu is a CPU pool", "remove it"),
        ),
    ],
    ids=lambda row: row.name,
)
def test_refusal_names_the_field_and_the_remedy(row: Refused) -> None:
    refusal = place(
        Hardware.model_validate(row.hardware), Preference.COST, row.pools, takes_anything
    )

    assert isinstance(refusal, Refusal)
    assert refusal.reason == row.reason
    for part in row.says:
        assert part in refusal.message


def test_the_reason_does_not_call_the_dearer_pool_the_cheapest() -> None:
    empty = pool("empty", has_nodes=False, cost_per_replica_hour=price("0.01"))

    placement = place(Hardware(), Preference.COST, [empty, DEAR], takes_anything)

    assert isinstance(placement, Placement)
    assert "lowest known price" not in placement.reason, "0.01 is lower; that pool is empty"
