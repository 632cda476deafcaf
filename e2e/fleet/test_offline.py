"""While a shop's link is cut another model serves there, and no request is lost on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import tritonclient.http as triton
from onnx import TensorProto, helper, numpy_helper
from tritonclient.utils import InferenceServerException

from e2e.fleet.conftest import SHOP, Fleet
from e2e.fleet.test_fleet import FLEET
from e2e.harness.paths import REPOSITORY
from e2e.harness.waiting import wait_until
from e2e.sample_files import magika_model
from e2e.services import Services
from examples.filetype_client import label_names, label_of

NAME = "filetype"
SMALL, ALWAYS = "small", "txt"
"""The fallback, and what it says of every file."""
AFTER_SECONDS = 60
FILE = REPOSITORY / "e2e" / "demo.py"
LONGEST_SECONDS = 240
"""Two minutes of answers end a cut, and then pods of the other model have to come."""


def small_model(path: Path) -> Path:
    """Magika's inputs and outputs, and one answer."""
    labels = label_names()
    scores = np.zeros((1, len(labels)), np.float32)
    scores[0, labels.index(ALWAYS)] = 1
    weights = np.zeros((2048, len(labels)), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["bytes"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["floats", "weights"], ["nothing"]),
            helper.make_node("Add", ["nothing", "scores"], ["target_label"]),
        ],
        "small",
        [helper.make_tensor_value_info("bytes", TensorProto.INT32, ["rows", 2048])],
        [helper.make_tensor_value_info("target_label", TensorProto.FLOAT, ["rows", len(labels)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(scores, "scores"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


@dataclass
class Asked:
    """What requests, one after the other, were answered with."""

    labels: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def asking(fleet: Fleet) -> Iterator[Asked]:
    """A client of the shop asks again and again, each time by a connection of its own."""
    asked, ended, names = Asked(), threading.Event(), label_names()

    def ask(address: str) -> None:
        while not ended.wait(0.2):
            try:
                with triton.InferenceServerClient(address) as client:
                    asked.labels.append(names[label_of(client, NAME, FILE)[0]])
            except (InferenceServerException, OSError) as error:
                asked.failures.append(f"{type(error).__name__}: {error}")

    with fleet.edge.inside(), fleet.at_the_edge.address(NAME) as address:
        thread = threading.Thread(target=ask, args=(address,), name="client", daemon=True)
        # It stays where it was started.
        thread.start()
    try:
        yield asked
    finally:
        ended.set()
        thread.join()


def serving(services: Services) -> tuple[str, str]:
    """The variant that serves alone, and why it was chosen."""
    found = services.get("tisvc", NAME).get("status", {}).get("variant", {})
    return (found["name"], found["reason"]) if found.get("servingSince") else ("", "")


def serves(services: Services, variant: str, why: str) -> None:
    wait_until(
        f"{variant} to serve as {why}",
        lambda: serving(services) == (variant, why),
        timeout_seconds=LONGEST_SECONDS,
        poll_seconds=1.0,
    )


def answered(asked: Asked, label: str) -> None:
    wait_until(
        f"nothing but {label} for some seconds",
        lambda: asked.labels[-20:] == [label] * 20,
        timeout_seconds=LONGEST_SECONDS,
    )


def test_a_fallback_serves_while_the_hub_does_not_answer(fleet: Fleet, tmp_path: Path) -> None:
    shop = fleet.at_the_edge
    with fleet.edge.inside():
        shop.place(
            "models",
            {"magika.onnx": magika_model(), "small.onnx": small_model(tmp_path / "small.onnx")},
        )
    fleet.at_the_hub.apply(
        NAME,
        managedBy=FLEET,
        model={"uri": "pvc://models/magika.onnx"},
        variants=[{"name": SMALL, "accuracy": "0.1", "model": {"uri": "pvc://models/small.onnx"}}],
        offline={
            "policy": "FallbackVariant",
            "fallbackVariant": SMALL,
            "afterSeconds": AFTER_SECONDS,
        },
        placement={"clusterNames": [SHOP]},
    )
    with fleet.edge.inside():
        shop.wait_until_there(NAME)
        shop.wait_for(NAME, "Ready", "True")
        serves(shop, "primary", "AsSpecified")
    with asking(fleet) as asked:
        with fleet.edge.link.severed(), fleet.edge.inside():
            serves(shop, SMALL, "LinkLost")
            shop.wait_for(NAME, "HubReachable", "False")
            answered(asked, ALWAYS)
        with fleet.edge.inside():
            serves(shop, "primary", "LinkBack")
            answered(asked, "python")
    assert set(asked.labels) == {"python", ALWAYS}
    assert asked.failures == []
    fleet.at_the_hub.kubectl("delete", "tisvc", NAME, "--wait=true")
