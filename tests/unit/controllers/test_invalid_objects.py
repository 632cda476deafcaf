"""Objects that do not follow the API: named once, never tried in a loop, healed by their change."""

import asyncio
from typing import Any

import pytest

from tests.unit.controllers.cluster import service_object
from tests.unit.controllers.shell import FILETYPE, Shell, kinds, serving_shell
from tests.unit.controllers.world import DEPLOYMENT, first_sight, found, pinned
from tests.unit.planning.building import DIGEST, facts
from triton_operator.manifests.model_profile import profile_of_facts

OTHER_DIGEST = "sha256:" + "ef" * 32


PROFILE = f"sha256-{DIGEST[7:]}"


def write_profile(shell: Shell, **changes: Any) -> None:
    """Write the service's profile as it should be, but for `changes`; None: without the field."""
    profile = profile_of_facts("shop", DIGEST, facts())
    spec = {**profile["spec"], **changes}
    present = {name: value for name, value in spec.items() if value is not None}
    shell.cluster.put({**profile, "spec": present})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"facts": {"format": "ONNX"}}, "spec.facts.batchable: "),
        ({"measurements": "none"}, "spec.measurements: "),
        ({"digest": None}, "spec.digest: "),
        ({"digest": OTHER_DIGEST}, "spec.digest: "),
        ({"facts": ["a", "list"]}, "spec.facts: "),
    ],
    ids=["field missing", "wrong type", "without a digest", "another's digest", "no object"],
)
def test_a_profile_that_is_not_valid_is_named_and_heals_when_it_changes(
    changes: dict[str, Any], path: str
) -> None:
    shell = Shell(pinned())
    shell.cluster.put(service_object("other", model={"uri": "pvc://models/b.onnx"}))
    write_profile(shell, **changes)

    async def scenario() -> None:
        await shell.run()
        assert shell.condition("ModelReady") == "False InvalidProfile"
        message = next(
            row["message"] for row in shell.status()["conditions"] if row["type"] == "ModelReady"
        )
        assert message.startswith(f"ModelProfile {PROFILE}: {path}")
        assert shell.clock.waits() == [], "nothing is tried again before the profile changes"
        assert shell.controller.counts.reconciles.keys() == {"ok"}
        assert shell.condition("ModelReady", "other") == "Unknown Inspecting", "others go on"

        write_profile(shell)
        await shell.run()
        assert shell.condition("Planned") == "True PlanMade"

    asyncio.run(scenario())


def test_a_service_that_serves_outlives_its_profile_and_its_deletion() -> None:
    """Unpinned: the digest is known from the status only, and must not be forgotten."""
    shell = Shell(first_sight())

    async def scenario() -> None:
        await shell.run()
        shell.cluster.end_job(found(), at="2026-11-20T11:59:59Z")
        await shell.run()
        shell.cluster.roll_out(DEPLOYMENT)
        await shell.run()
        write_profile(shell, facts={"format": "ONNX"})
        assert kinds(await shell.run()) == []
        assert shell.condition("Ready") == "False InvalidProfile"
        assert shell.condition("Available") == "True ReplicasReady"
        assert shell.status()["model"]["digest"] == DIGEST

        shell.cluster.remove("ModelProfile", "shop", PROFILE)
        assert kinds(await shell.run()) == ["Job"]
        shell.cluster.end_job(found(), at="2026-11-20T11:59:59Z")
        assert kinds(await shell.run()) == ["ModelProfile"]
        assert shell.condition("Ready") == "True Serving"

    asyncio.run(scenario())


def test_an_inspection_does_not_go_round_and_round_over_a_profile_that_it_cannot_replace() -> None:
    """The name is taken by a profile without a digest: nothing can be kept in it."""
    cluster = pinned()
    shell = Shell(cluster)
    write_profile(shell, digest=None)
    cluster.edit("InferenceService", "shop", "filetype", model={"uri": "pvc://models/a.onnx"})

    async def scenario() -> None:
        await shell.run()
        shell.cluster.end_job(found(), at="2026-11-20T11:59:59Z")
        await shell.run()
        assert shell.condition("ModelReady") == "False InvalidProfile"
        assert shell.clock.waits() == []

    asyncio.run(scenario())


@pytest.mark.parametrize("model", ["text", ["list"], {"uri": 1}, {"uri": "pvc://m/a", "digest": 1}])
def test_a_service_that_breaks_every_rule_is_told_so_once(model: Any) -> None:
    shell = serving_shell()
    shell.cluster.edit("InferenceService", "shop", "filetype", model=model)

    async def scenario() -> None:
        requests = await shell.run()
        assert requests == ["status InferenceService/filetype", "create Event/InvalidSpec"]
        assert shell.condition("Ready") == "False InvalidSpec"
        assert shell.clock.waits() == []

    asyncio.run(scenario())
    assert shell.controller.counts.reconciles.keys() == {"ok"}


def test_a_condition_that_an_older_definition_allowed_is_replaced() -> None:
    shell = serving_shell()
    rows = [{"type": "Ready", "status": "Perhaps"}, {"type": "Theirs", "status": "True"}]
    shell.cluster.observe("InferenceService", "shop", "filetype", conditions=rows)

    async def scenario() -> None:
        shell.watch()
        shell.queue.add(FILETYPE)
        await shell.run()

    asyncio.run(scenario())
    assert shell.condition("Ready") == "True Serving"
    assert shell.controller.counts.reconciles.keys() == {"ok"}
