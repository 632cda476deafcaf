"""Clients of the shop whose data must stay there; their requests are known by their ids."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from e2e.emulated_model import NAME
from e2e.fleet.conftest import SHOP_PORT, Fleet
from e2e.fleet.gateway import door
from e2e.fleet.overflow import endpoints
from e2e.harness.background import in_background
from e2e.harness.errors import HarnessError
from triton_operator.client import FleetClient, NotServed

STAYS, MAY_LEAVE = "stays-", "may-leave-"
"""How ids begin."""
INPUTS = {"x": np.ones((1, 1), np.float32)}
PAUSE_SECONDS = 0.25
LISTED_SECONDS = 5.0
"""How often the list of endpoints is fetched."""
DEADLINE_SECONDS = 20.0


@dataclass
class Staying:
    """What became of requests that must stay: how many were served, what was said of others."""

    served: int = 0
    failed: list[str] = field(default_factory=list)
    stopped: str = ""
    """Why the client itself ended early; empty: it did not."""


def write(file: Path, rows: Iterable[Mapping[str, Any]], own: str) -> None:
    """A list of endpoints for clients at `own`: names of Services mean nothing outside pods."""
    listed = [{**row, "url": f"http://{own}"} if row.get("local") else row for row in rows]
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps({"endpoints": listed}))
    fresh.rename(file)


@contextlib.contextmanager
def staying(fleet: Fleet, folder: Path) -> Iterator[Staying]:
    """One client that asks in turn, while the body runs, where the shop's list sends it."""
    seen = Staying()
    file = folder / "staying.json"
    own = door(fleet.edge.cluster.topology, SHOP_PORT)
    write(file, endpoints(fleet), own)

    def ask(ended: threading.Event) -> None:
        try:
            with fleet.edge.inside():
                listed = time.monotonic()
                number = 0
                while not ended.wait(PAUSE_SECONDS):
                    if time.monotonic() > listed + LISTED_SECONDS:
                        listed = time.monotonic()
                        # As a router keeps its last routes.
                        with contextlib.suppress(HarnessError, LookupError, ValueError):
                            write(file, endpoints(fleet), own)
                    number += 1
                    # A connection of its own, as the generator's requests have: pods come and go.
                    with FleetClient(file) as client:
                        _one(client, f"{STAYS}{number}", seen)
        except Exception as error:
            seen.stopped = repr(error)
            raise

    with in_background("staying", ask):
        yield seen


def _one(client: FleetClient, request_id: str, seen: Staying) -> None:
    try:
        client.infer(
            NAME,
            INPUTS,
            deadline_seconds=DEADLINE_SECONDS,
            local_only=True,
            request_id=request_id,
        )
    except NotServed as error:
        seen.failed.append(str(error))
    else:
        seen.served += 1
