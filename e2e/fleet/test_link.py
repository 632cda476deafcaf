"""What a cut link means: silence from outside, and nothing at all at the edge."""

from __future__ import annotations

import pytest

from e2e.harness.edge import EdgeCluster
from e2e.harness.errors import CommandFailedError
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.sample_files import magika_model
from e2e.services import Services
from e2e.test_serving import assert_answers


def ask_over_the_link(edge: EdgeCluster) -> str:
    kubectl = Kubectl(edge.cluster.kubeconfig)
    return kubectl("get", "--raw", "/readyz", "--request-timeout=3s", timeout_seconds=10)


def test_an_edge_alone_applies_heals_and_serves(edge: EdgeCluster, at_the_edge: Services) -> None:
    assert ask_over_the_link(edge) == "ok"

    with edge.link.severed():
        with pytest.raises(CommandFailedError):
            ask_over_the_link(edge)
        with edge.inside():
            at_the_edge.place("models", {"magika/model.onnx": magika_model()})
            at_the_edge.apply("filetype", model={"uri": "pvc://models/magika/model.onnx"})
            at_the_edge.wait_for("filetype", "Ready", "True")
            assert_answers(at_the_edge, "filetype")
            (pod,) = at_the_edge.every("pods", "filetype")
            at_the_edge.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=true")
            at_the_edge.wait_for("filetype", "Ready", "True")
            assert_answers(at_the_edge, "filetype")

    wait_until(
        "the edge to be reached again",
        lambda: ask_over_the_link(edge) == "ok",
        timeout_seconds=60,
    )
