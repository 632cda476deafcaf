"""Whatever a valid spec leads to, a real API server accepts: children, inspections and status.

The requests are the operator's own, to the byte; only `dryRun` and strict fields are added.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from e2e.harness.controlplane import ControlPlane
from tests.api import model_facts as known
from tests.api.client import Api, Object
from tests.api.operator_process import CPU_IMAGE, GPU_IMAGE, OWN_IMAGE
from tests.strategies import (
    inference_service_specs,
    model_facts,
    pool_names,
    service_names,
    serving_pool_specs,
)
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.controllers import kinds
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection, connect
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.views import ServiceView
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import Pool, PoolDefaults, known_pools
from triton_operator.triton.model_config import parse_config
from triton_operator.triton.releases import NEWEST

DEFAULTS = PoolDefaults(CPU_IMAGE, str(NEWEST), GPU_IMAGE, str(NEWEST))
DIGEST = known.digest(1)
NOW = 1.8e9
# Each example is some five requests. Without an explanation, which takes minutes of them.
bounded = settings(max_examples=30, phases=set(Phase) - {Phase.explain})


class Rehearsal(ApiServer):
    """The operator's requests, all of them without effect."""

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        taken: Callable[[bytes], None] | None = None,
    ) -> Object:
        return await super()._request(
            method, f"{path}&dryRun=All&fieldValidation=Strict", body, headers, taken=taken
        )


class Stage:
    """A connection like the operator's, for tests that are not asynchronous."""

    def __init__(self, runner: asyncio.Runner, connection: Connection, owner: Object) -> None:
        self.owner = owner
        self._runner = runner
        self._server = Rehearsal(connection)

    def send(self, outcome: Outcome) -> list[Object]:
        """The server's answers for every object and the status, or ApiError with its own words."""
        return self._runner.run(self._send(outcome))

    async def _send(self, outcome: Outcome) -> list[Object]:
        answers = [
            await self._server.apply(kinds.BY_NAME[manifest["kind"]], manifest, force=True)
            for manifest in outcome.apply
        ]
        assert outcome.status is not None
        owner = self.owner["metadata"]
        answers.append(
            await self._server.apply_status(
                kinds.INFERENCE_SERVICE,
                owner["namespace"],
                owner["name"],
                owner["uid"],
                outcome.status,
            )
        )
        return answers


@pytest.fixture(scope="module")
def theatre(api: Api, control_plane: ControlPlane) -> Iterator[Stage]:
    """With an InferenceService whose status can be written and whose uid owns children."""
    owner = api.create(
        {
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "metadata": {"name": "owner", "namespace": "default"},
            "spec": {"model": {"uri": known.URI}},
        }
    )
    with asyncio.Runner() as runner:
        connection = runner.run(connect(control_plane.kubeconfig))
        yield Stage(runner, connection, owner)
        runner.run(connection.session.close())


@st.composite
def sights(draw: st.DrawFn) -> Observed:
    """What the operator may see of a service whose model is known; its uid is set later."""
    spec = draw(inference_service_specs())
    source = draw(st.sampled_from([known.URI, "pvc://models/a/model.onnx"]))
    spec["model"] |= {"uri": source, "format": "ONNX", "digest": DIGEST}
    for variant in spec.get("variants", ()):
        variant["model"] |= {"format": "ONNX", "digest": DIGEST}
    named = spec.get("hardware", {}).get("pools") or draw(st.lists(pool_names(), max_size=2))
    declared = {name: ServingPoolSpec.model_validate(draw(serving_pool_specs())) for name in named}
    name = draw(service_names())
    return sight(name, spec, {DIGEST: draw(model_facts())}, known_pools(declared, [], DEFAULTS))


def sight(
    name: str, spec: dict[str, Any], profiles: dict[str, ModelFacts], pools: tuple[Pool, ...]
) -> Observed:
    return Observed(
        service=ServiceView("InferenceService", "default", name, "", "1", 1, spec=spec),
        children=(),
        profiles=profiles,
        pools=pools,
        autoscalers={},
        fetch=FetchSettings(OWN_IMAGE),
        now=NOW,
    )


def outcome_for(owner: Object, seen: Observed) -> Outcome:
    return reconcile(replace(seen, service=replace(seen.service, uid=owner["metadata"]["uid"])))


@bounded
@given(seen=sights())
def test_children_and_status(theatre: Stage, seen: Observed) -> None:
    outcome = outcome_for(theatre.owner, seen)

    assert outcome.status is not None
    planned = next(c for c in outcome.status["conditions"] if c["type"] == "Planned")
    event(planned["reason"])
    paused = seen.service.spec.get("paused", False)
    children = {manifest["kind"] for manifest in outcome.apply}
    wanted = {"ConfigMap", "Deployment", "Service"} if planned["status"] == "True" else set()
    # Where more than one replica is wanted, or somebody else decides how many.
    assert children - {"PodDisruptionBudget"} == (set() if paused else wanted)
    (*_, owner) = theatre.send(outcome)
    assert owner["status"] == outcome.status


@bounded
@given(name=service_names(), spec=inference_service_specs())
def test_inspections(theatre: Stage, name: str, spec: dict[str, Any]) -> None:
    outcome = outcome_for(theatre.owner, sight(name, spec, {}, known_pools({}, [], DEFAULTS)))

    theatre.send(outcome)


def test_text_of_every_plane(theatre: Stage) -> None:
    """What is applied is read as YAML, which knows fewer escapes than JSON and fewer characters."""
    text = "\U0001f680 \x7f \x85 \u2028 \ufeff \uffff \\ud83d é"
    env = [{"name": "TEXT", "value": text}]
    spec = {"model": {"uri": known.URI, "digest": DIGEST}, "runtime": {"env": env}}
    tensor = {"name": text, "datatype": "FP32", "shape": [-1, 2]}
    profiles = {DIGEST: known.facts(1, inputs=[tensor])}

    (config, deployment, *_) = theatre.send(
        outcome_for(theatre.owner, sight("a", spec, profiles, known_pools({}, [], DEFAULTS)))
    )

    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert env[0] in container["env"]
    parsed: Any = parse_config(config["data"]["config.pbtxt"])
    assert parsed.input[0].name == text
