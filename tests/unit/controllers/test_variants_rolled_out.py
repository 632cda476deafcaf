"""The whole operator on a service with variants: an annotation of the agent becomes other pods."""

import asyncio

from tests.unit.controllers.shell import Shell
from tests.unit.controllers.test_variants import (
    BIG,
    FALLBACK,
    SMALL,
    digest_that_runs,
    its_facts,
    linked,
    variant,
)
from tests.unit.controllers.world import DEPLOYMENT, ago, first_sight
from triton_operator.controllers.times import rfc3339
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts


def test_a_cut_link_is_carried_out_and_undone_without_anybody_else() -> None:
    cluster = first_sight(
        model={"uri": "pvc://models/big.onnx", "digest": BIG},
        variants=[variant()],
        offline=FALLBACK,
    )
    for digest in (BIG, SMALL):
        cluster.put(with_desired_hash(profile_of_facts("shop", digest, its_facts(digest))))
    shell = Shell(cluster)

    async def story() -> None:
        await shell.run()
        cluster.roll_out(DEPLOYMENT)
        await shell.run()
        assert digest_that_runs(cluster) == BIG

        linked(cluster, "Lost", ago(400))
        await shell.run()
        assert digest_that_runs(cluster) == SMALL
        assert shell.condition("VariantChosen") == "True LinkLost"
        assert shell.condition("Ready") == "Unknown RollingOut"
        cluster.roll_out(DEPLOYMENT)
        await shell.run()
        assert shell.condition("Ready") == "True Serving"

        linked(cluster, "Connected", rfc3339(shell.now()))
        await shell.run()
        assert digest_that_runs(cluster) == BIG
        cluster.roll_out(DEPLOYMENT)
        await shell.run()
        assert await shell.run() == [], "at rest nothing is written"

    asyncio.run(story())

    assert shell.condition("VariantChosen") == "True LinkBack"
    told = [line for line in shell.events() if "Link" in line]
    assert told == ["Normal LinkLost", "Normal LinkBack"]
