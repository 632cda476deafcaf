"""Any way leads to the same end: after each change of a spec, all of a service is as if that spec
had been applied to an empty place.

Acto's idea (SOSP 2023): sequences of changes, from A to B and back to A, from refused to accepted,
from paused to not, through deletion; the fresh apply of the same spec is what must come out.
A spec without a plan and one that is paused change nothing of what serves, and are told alike.

    python -m pytest tests/api/test_spec_sequences.py --spec-seed=any

walks another way, and prints the number that repeats it.
"""

import hashlib
import json
import re
from functools import cache
from typing import Any

import pytest

from e2e.harness.errors import WaitTimeoutError
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.api.grounds import MODELS, POOLS, PRIORITY_CLASSES, SERVICE_ACCOUNTS, Spec
from tests.api.operator_process import OperatorProcess
from tests.api.reconcile_fixtures import new_shop
from tests.api.shop import Shop
from tests.api.spec_walk import ANEW, PARTS, SMALLEST, Kind, Step, fields, reached, walk
from tests.faults.end_state import differences
from triton_operator.api import labels
from triton_operator.api.inference_service import Scaling
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.planning.replicas import replica_bounds

SEEDS = (4, 5, 9)
OPTIONS = ("--network-policies", "--allow-code-in=*")
"""So that no field is without effect."""
PATIENCE_SECONDS = 240.0
"""Garbage collection learns of a new kind within about half a minute, and controllers that share a
busy machine with everything else have been seen to rest for two."""
POLL_SECONDS = 0.2
"""A look is a dozen requests."""
BY_SOMEBODY_ELSE = 2
"""Replicas where the spec leaves them to others."""
OF_EACH_OBJECT = frozenset(
    {
        *("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"),
        *("observedGeneration", "lastTransitionTime", "lastUpdateTime", "clusterIP", "clusterIPs"),
        *(labels.DESIRED_HASH, labels.OWNER_UID, "deployment.kubernetes.io/revision"),
    }
)
MOVING = frozenset({"replicas", "readyReplicas", "desiredReplicas"})
"""Where bounds leave room the number depends on the load, and without any on the way there."""
NAME = "way"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--spec-seed")
        metafunc.parametrize("seed", [int(chosen)] if chosen else SEEDS)


@cache
def steps_of(seed: int) -> list[Step]:
    return list(walk(seed))


class Place:
    """A namespace with everything in it that a spec can name, and one service."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        for account in SERVICE_ACCOUNTS:
            shop.create("ServiceAccount", account)
        for digest, facts in MODELS.items():
            shop.api.create(profile_of_facts(shop.namespace, digest, facts))

    def create(self, spec: Spec) -> None:
        self.shop.create("InferenceService", NAME, spec=spec)

    def put(self, spec: Spec) -> Object:
        """The whole spec, as `kubectl replace` writes it: fields that are gone are gone."""
        while True:
            live = self.shop.get("InferenceService", NAME)
            try:
                return self.shop.api.replace({**live, "spec": spec})
            except RefusedError as refusal:
                if refusal.code != 409:  # the operator wrote its status meanwhile
                    raise

    def has_come(self, kind: Kind) -> bool:
        """Whether the spec as it is now is carried out, or told why not; every pod that exists is
        made ready on the way.
        """
        if not (self.shop.is_seen(NAME) and self.shop.operator.is_quiet()):
            return False
        if kind is Kind.IDLE:
            spec = self.shop.get("InferenceService", NAME)["spec"]
            # A service that is seen before its profile waits for an inspection, for a moment.
            known = self.shop.condition(NAME, "ModelReady") != ("Unknown", "Inspecting")
            return known or "digest" not in spec["model"]
        self._scale()
        self.shop.start_pods(NAME)
        return (
            self.shop.condition(NAME, "Progressing") == ("False", "RolledOut")
            and self.shop.condition(NAME, "Available")[1] in ("ReplicasReady", "ScaledToZero")
            and all(_finds_out(job) for job in self.shop.all("Job", NAME))
        )

    def waits_for(self) -> list[str]:
        """Whose turn it is: the operator's, or that of Kubernetes' own controllers."""
        seen, quiet = self.shop.is_seen(NAME), self.shop.operator.is_quiet()
        found = [f"the operator: the spec is seen: {seen}, nothing waits there: {quiet}"]
        for kind in ("Deployment", "Pod"):
            for one in self.shop.all(kind, NAME):
                asked = one["spec"].get("replicas", "")
                status = json.dumps(one.get("status"))
                found.append(f"{kind} {one['metadata']['name']} {asked}: {status}")
        return found

    def _scale(self) -> None:
        """The part of somebody else, where the spec leaves the replicas to them; and of the load,
        of which no pod tells here: without any, a pool that was spilled over to is left.
        """
        spec = self.shop.get("InferenceService", NAME)["spec"]
        if spec["scaling"]["mode"] == "External":
            for one in self.shop.all("Deployment", NAME):
                self._scale_to(one, BY_SOMEBODY_ELSE)
        elif self._moving():
            overflow = self.shop.status(NAME).get("poolNames", "").split(",")[1:]
            for one in self.shop.all("Deployment", NAME):
                if one["metadata"]["labels"][labels.POOL] in overflow:
                    self._scale_to(one, 0)

    def _scale_to(self, deployment: Object, replicas: int) -> None:
        if deployment["spec"]["replicas"] != replicas:
            scale = {"spec": {"replicas": replicas}}
            self.shop.merge("Deployment", deployment["metadata"]["name"], scale, "scale")

    def picture(self) -> dict[str, Any]:
        """All children but what their own controllers write, and the status."""
        return {"children": self.children(self._moving()), **self.told()}

    def children(self, moving: frozenset[str] = frozenset(), *, idle: bool = False) -> Any:
        """Everything that serves, and what is around it. Nobody plays a measuring Job's part here,
        so it is there for as long as its pool is in use, and its config with it; that of one that
        has gone stays for as long as the service is `idle`.
        """
        there = self.shop.children(NAME)
        served = json.dumps([one for (kind, _), one in there.items() if kind == "Deployment"])
        measured = json.dumps([one for (kind, _), one in there.items() if kind == "Job"])
        found = self._plain(
            {
                f"{kind} {name}": {key: part for key, part in child.items() if key != "status"}
                for (kind, name), child in there.items()
                if kind != "Job"
                and (kind != "ConfigMap" or name in served or not (idle or name in measured))
            },
            moving,
        )
        # The namespace is in a config, and a hash of the config in names.
        text = json.dumps(found)
        for name in [name for name in found if name.startswith("ConfigMap")]:
            content = json.dumps(found[name]["data"], sort_keys=True)
            plain = hashlib.sha256(content.encode()).hexdigest()[:8]
            text = re.sub(f"{name.rpartition('-')[2]}(?:[0-9a-f]{{8}})?", plain, text)
        return json.loads(text)

    def told(self, *types: str) -> dict[str, Any]:
        """The conditions; without `types`, all of them and the rest of the status."""
        status = self.shop.status(NAME)
        conditions = {
            row["type"]: f"{row['status']} {row['reason']}"
            for row in status.pop("conditions", ())
            if (row["type"] in types if types else row["type"] != "ModelMeasured")
        }
        # It follows what the pods tell, and not the spec.
        status.pop("autoscaling", None)
        # It says since when, which is no part of the spec either.
        status.pop("variant", None)
        plain = {} if types else self._plain(status, self._moving())
        return {"conditions": conditions, "status": plain}

    def _moving(self) -> frozenset[str]:
        spec = self.shop.get("InferenceService", NAME)["spec"]
        moves = replica_bounds(Scaling.model_validate(spec["scaling"])).moves
        return MOVING if moves else frozenset()

    def _plain(self, value: Any, moving: frozenset[str]) -> Any:
        text = json.dumps(_without(value, OF_EACH_OBJECT | moving))
        return json.loads(text.replace(self.shop.namespace, "namespace"))


def _finds_out(job: Object) -> bool:
    """Whether nothing waits for it: its pod never ends here."""
    return job["metadata"]["labels"][labels.ROLE] in (labels.MEASURE, labels.CONVERT)


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {k: _without(part, names) for k, part in value.items() if k not in names}
    return [_without(part, names) for part in value] if isinstance(value, list) else value


@pytest.fixture
def grounds(shop: Shop) -> Shop:
    """With pools and priority classes, and an operator that leaves no field without effect."""
    shop.operator.ensure(*OPTIONS)
    for name, spec in POOLS.items():
        shop.create("ServingPool", name, spec=spec)
    for number, name in enumerate(PRIORITY_CLASSES):
        if shop.find("PriorityClass", name) is None:
            shop.create("PriorityClass", name, value=number)
    return shop


def fresh(
    api: Api, operator: OperatorProcess, namespace: str, steps: list[Step]
) -> dict[str, dict[str, Any]]:
    """What a fresh apply of each spec leads to, by the spec; all at the same time."""
    kinds = {json.dumps(step.spec): step.kind for step in steps if step.kind is not Kind.REFUSED}
    places = {
        spec: Place(new_shop(api, operator, f"{namespace}-fresh-{number}"))
        for number, spec in enumerate(kinds)
    }
    for spec, place in places.items():
        place.create(json.loads(spec))
    found: dict[str, dict[str, Any]] = {}
    for spec, place in places.items():
        wait_until(
            f"waiting for a fresh apply of {spec}",
            lambda place=place, kind=kinds[spec]: place.has_come(kind),  # type: ignore[misc]
            timeout_seconds=PATIENCE_SECONDS,
            poll_seconds=POLL_SECONDS,
            needs=[operator.running],
        )
        idle = kinds[spec] is Kind.IDLE
        found[spec] = place.told("ModelReady", "Planned") if idle else place.picture()
    for place in places.values():
        place.shop.delete("InferenceService", NAME)
    return found


def until_same(place: Place, step: Step, expected: dict[str, Any]) -> None:
    """Wait until all is as expected; fails with every place where it is not."""

    def now() -> dict[str, Any]:
        if step.kind is Kind.IDLE:
            return {
                **place.told("ModelReady", "Planned"),
                "children": place.children(idle=True),
            }
        return place.picture()

    try:
        wait_until(
            f"waiting for {step}",
            lambda: place.has_come(step.kind) and differences(now(), expected) == [],
            timeout_seconds=PATIENCE_SECONDS,
            poll_seconds=POLL_SECONDS,
            needs=[place.shop.operator.running],
        )
    except WaitTimeoutError as error:
        told = [f"{error}", *differences(now(), expected), *place.waits_for()]
        raise AssertionError("\n".join(told)) from error


def test_every_way_leads_to_the_same_end(seed: int, grounds: Shop) -> None:
    steps = steps_of(seed)
    expected = fresh(grounds.api, grounds.operator, grounds.namespace, steps)
    place = Place(grounds)
    place.create(SMALLEST)
    wait_until(
        "waiting for the smallest spec",
        lambda: place.has_come(Kind.SERVES),
        timeout_seconds=PATIENCE_SECONDS,
        poll_seconds=POLL_SECONDS,
        needs=[grounds.operator.running],
    )
    for number, step in enumerate(steps):
        print(f"step {number}: {step}")
        if step.kind is Kind.REFUSED:
            before = grounds.get("InferenceService", NAME)["metadata"]["generation"]
            with pytest.raises(RefusedError):
                place.put(step.spec)
            assert grounds.get("InferenceService", NAME)["metadata"]["generation"] == before
            continue
        wanted = expected[json.dumps(step.spec)]
        if step.kind is Kind.IDLE:
            wanted = {**wanted, "children": place.children(idle=True)}
        if step.how == ANEW:
            grounds.delete("InferenceService", NAME)
            place.create(step.spec)
        else:
            place.put(step.spec)
        until_same(place, step, wanted)


def test_the_walks_reach_every_field() -> None:
    assert {seed % PARTS for seed in SEEDS} == set(range(PARTS))
    assert set(fields()) == {path for seed in SEEDS for path in reached(steps_of(seed))}
