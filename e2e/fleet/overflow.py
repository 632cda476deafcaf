"""One service of the fleet under load of a shop's clients, and what each cluster makes of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.autoscaling.stage import SMALL
from e2e.emulated_model import NAME, REPOSITORY, EmulatedModel
from e2e.fleet.conftest import CLOUD, CLOUD_PORT, LOCAL, SHOP, SHOP_PORT, Fleet
from e2e.fleet.gateway import Router, door, open_door
from e2e.harness.progress import say
from e2e.load_generator import LoadGenerator, load_generator

SERVED = NAME + LOCAL
"""The service in the clusters."""
FLEET = "serving.triton-operator.io/fleet"
CUT_SECONDS = int(os.environ.get("E2E_FLEET_CUT_SECONDS", "600"))
AWAY_SECONDS = int(os.environ.get("E2E_FLEET_AWAY_SECONDS", "300"))
"""How long the link is cut, and how long the hub is away."""
OBJECTIVE_MILLISECONDS = 250
LOAD_SECONDS = 4.0
"""Of the emulated model: starts are to be over in a test's time."""
SHOP_REPLICAS = 2
"""What the shop may run while its link is whole."""


def apply(fleet: Fleet, folder: Path, *, at_the_shop: int = SHOP_REPLICAS) -> None:
    """The service, whose model both clusters have; a door for it in each."""
    model = EmulatedModel(load_seconds=LOAD_SECONDS).write(folder)
    fleet.at_the_hub.place("models", model)
    with fleet.edge.inside():
        fleet.at_the_edge.place("models", model)
    set_bounds(fleet, at_the_shop)


def set_bounds(fleet: Fleet, at_the_shop: int, *, zones: Sequence[str] = ()) -> None:
    """Apply it with so many replicas at the shop at most.

    `zones`: only clusters in these may process its data.
    """
    fleet.at_the_hub.apply(
        NAME,
        managedBy=FLEET,
        model={"uri": f"pvc://models/{REPOSITORY}", "format": "TritonRepository"},
        hardware={"resources": SMALL},
        objective={"latency": {"percentile": "P99", "milliseconds": OBJECTIVE_MILLISECONDS}},
        scaling={"minReplicas": 1, "maxReplicas": 6},
        placement={
            "tiers": [{"name": "Edge", "maxReplicas": at_the_shop}],
            "latencyBudgetMilliseconds": 10_000,
            "returnWindowSeconds": 30,
            **({"residency": {"zones": list(zones)}} if zones else {}),
        },
    )


def open_doors(fleet: Fleet) -> None:
    """Once the service is in both clusters."""
    open_door(fleet.at_the_hub, SERVED, CLOUD_PORT)
    with fleet.edge.inside():
        open_door(fleet.at_the_edge, SERVED, SHOP_PORT)


def placed(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """What the hub says of one cluster; nothing while it does not."""
    status = fleet.at_the_hub.get("tisvc", NAME).get("status", {})
    rows = status.get("placement", {}).get("clusters", [])
    return next((dict(row) for row in rows if row["name"] == cluster), {})


def work(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The work in a cluster's mailbox."""
    text = fleet.at_the_hub.kubectl("get", "iwork", "-n", f"fleet-{cluster}", "-o", "json")
    (found,) = [
        one
        for one in json.loads(text)["items"]
        if one["spec"]["target"]["namespace"] == fleet.at_the_hub.namespace
    ]
    return dict(found)


def bounds(fleet: Fleet) -> dict[str, Any]:
    """What the hub wants of each cluster: everything that could move a replica or a request."""
    return {
        name: {
            key: value
            for key, value in work(fleet, name)["spec"].items()
            if key in ("template", "routing", "target")
        }
        for name in (SHOP, CLOUD)
    }


def ordered(fleet: Fleet, cluster: str) -> int:
    """Replicas of the service's Deployments in a cluster; within `edge.inside()` for the shop's."""
    services = fleet.at_the_edge if cluster == SHOP else fleet.at_the_hub
    return sum(one["spec"]["replicas"] for one in services.every("deployments", SERVED))


def endpoints(fleet: Fleet) -> Iterable[Mapping[str, Any]]:
    """Where the shop's clients are to go, as the shop itself knows it."""
    with fleet.edge.inside():
        found = fleet.at_the_edge.get("configmap", f"{SERVED}-endpoints")
    rows: list[dict[str, Any]] = json.loads(found["data"]["endpoints.json"])["endpoints"]
    return rows


@dataclass
class Load:
    """A load that runs, by the clients of the shop."""

    generator: LoadGenerator
    router: Router
    began: float = field(default_factory=time.monotonic)

    def rest(self, until: float) -> None:
        """Wait for that second of the load."""
        time.sleep(max(0.0, self.began + until - time.monotonic()))


@contextmanager
def load(fleet: Fleet, folder: Path, rates: Iterable[tuple[int, float]]) -> Iterator[Load]:
    """Requests of the shop's clients, seconds and requests/s one after the other.

    They are sent as the shop's own ConfigMap says, in the shop's own network.
    """
    file = folder / "rates"
    file.write_text("".join(f"{rate}\n" for seconds, rate in rates for _ in range(seconds)))
    with fleet.edge.inside():
        started = load_generator(
            folder, file, NAME, OBJECTIVE_MILLISECONDS, timeout_seconds=20, fresh_connections=True
        )
        generator = started.__enter__()
    try:
        own = door(fleet.edge.cluster.topology, SHOP_PORT)
        with Router(generator, lambda: endpoints(fleet), own) as router:
            yield Load(generator, router)
    finally:
        started.__exit__(None, None, None)


def tell(fleet: Fleet, what: str) -> None:
    """Where things are, for whoever looks on."""
    with fleet.edge.inside():
        here = ordered(fleet, SHOP)
    rows = {name: placed(fleet, name) for name in (SHOP, CLOUD)}
    said = ", ".join(
        f"{name} floor {row.get('floor')} ready {row.get('ready')} need {row.get('need')}"
        for name, row in rows.items()
    )
    say(f"  {what}: {here} ordered at the shop; {said}")
