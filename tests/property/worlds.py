"""Any cluster that a user could have: a service, pools, nodes, and a model of any shape."""

from typing import Any, NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from tests.strategies import (
    inference_service_specs,
    model_facts,
    pool_names,
    service_names,
    serving_pool_specs,
)
from tests.unit.controllers.cluster import Cluster, service_object
from tests.unit.planning.building import node_object
from triton_operator.api.group import API_VERSION
from triton_operator.api.inspection import Report, encode_report
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.termination_message import UnreadableReport

DIGEST = "sha256:" + "ab" * 32


class World(NamedTuple):
    """A cluster, the name of its service, and what an inspection of its model finds."""

    cluster: Cluster
    name: str
    facts: ModelFacts
    report: str


@st.composite
def nodes(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return node_object(
        name,
        gpus=draw(st.integers(0, 2)),
        ready=draw(st.booleans()),
        cordoned=draw(st.booleans()),
        memory=draw(st.sampled_from(["16393244Ki", "64Gi", "1000000000"])),
        cpu=draw(st.sampled_from(["4", "3920m"])),
        labels=draw(st.sampled_from([{}, {"nvidia.com/gpu.present": "true"}, {"disk": "ssd"}])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world at first sight of its service, nothing written yet."""
    cluster = Cluster()
    for number in range(draw(st.integers(0, 2))):
        cluster.put(draw(nodes(f"node-{number}")))
    pools = draw(st.dictionaries(pool_names(), serving_pool_specs(), max_size=2))
    for pool, spec in pools.items():
        cluster.put(
            {
                "apiVersion": API_VERSION,
                "kind": "ServingPool",
                "metadata": {"name": pool},
                "spec": spec,
            }
        )
    name = draw(service_names())
    spec = draw(inference_service_specs())
    # Of a fleet's service nothing comes, which `test_controller` shows.
    spec = {name: part for name, part in spec.items() if name not in ("managedBy", "placement")}
    if pools and draw(st.booleans()):
        chosen = draw(st.lists(st.sampled_from(sorted(pools)), min_size=1, unique=True))
        spec = {**spec, "hardware": {**spec.get("hardware", {}), "pools": chosen}}
    cluster.put({**service_object(name), "spec": spec})
    facts = draw(model_facts())
    digest = spec["model"].get("digest", DIGEST)
    return World(cluster, name, facts, _report(digest, facts))


def _report(digest: str, facts: ModelFacts) -> str:
    try:
        return encode_report(Report(digest=digest, facts=facts))
    except UnreadableReport:
        # The Job says so itself: its own failure is another world.
        assume(False)
        raise
