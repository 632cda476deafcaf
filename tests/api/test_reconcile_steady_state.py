"""At rest nothing is written: not by sweeps, not by a restart."""

import pytest

from tests.api import model_facts
from tests.api.audit import Audit
from tests.api.operator_process import OperatorProcess
from tests.api.shop import CHILD_KINDS, Shop
from triton_operator.model.reasons import NOT_A_MODEL

SWEEPS = 3


@pytest.fixture
def settled(shop: Shop) -> Shop:
    """A service of every sort, and a pool: serving, starting, paused, refused, unknown, broken."""
    shop.create("ServingPool", "only", spec={})
    for name in ("serving", "starting", "paused"):
        shop.add_running(name, scaling={"minReplicas": 2})
    shop.serve("serving")
    shop.change("paused", paused=True)
    shop.until_condition("paused", "Progressing", "False", "Paused")
    shop.add_service("refused", 1, hardware={"pools": ["missing"]})
    shop.until_condition("refused", "Planned", "False", "PoolNotFound")
    shop.add_service("unknown")
    shop.until_inspection("unknown")
    shop.add_service("broken")
    shop.answer_inspection("broken", model_facts.failed(NOT_A_MODEL, "no"), exit_code=2)
    shop.until_condition("broken", "ModelReady", "False", NOT_A_MODEL)
    shop.until("the end of the work", shop.operator.is_quiet)
    return shop


def versions(shop: Shop) -> dict[tuple[str, str], str]:
    """Of everything that the operator writes."""
    kinds = (*CHILD_KINDS, "InferenceService", "ModelProfile", "Event", "ServingPool")
    return {
        (kind, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
        for kind in kinds
        for one in shop.all(kind)
    }


def keys(shop: Shop) -> int:
    """How many objects a sweep looks at."""
    everywhere = "/apis/serving.triton-operator.io/v1alpha1/inferenceservices"
    return len(shop.api.request("GET", everywhere)["items"]) + len(shop.all("ServingPool"))


def test_a_restart_changes_nothing(settled: Shop, audit: Audit) -> None:
    """A thousand services must not be written again because the operator's pod moved."""
    settled.operator.stop()
    before, mark = versions(settled), audit.mark()

    settled.operator.start()
    settled.until("the end of the work", settled.operator.is_quiet)

    assert [str(write) for write in audit.writes(since=mark)] == []
    assert versions(settled) == before


def test_sweeps_change_nothing(settled: Shop, audit: Audit) -> None:
    """The first one writes every child, to find drift that nobody saw, and finds none; the later
    ones do not even write.
    """
    before = versions(settled)
    settled.operator.ensure(sweep_seconds=1)
    settled.operator.pass_sweeps(2, keys=keys(settled))
    assert versions(settled) == before
    mark = audit.mark()

    settled.operator.pass_sweeps(SWEEPS, keys=keys(settled))

    assert [str(write) for write in audit.writes(since=mark)] == []
    assert versions(settled) == before


def test_a_stop_is_clean(operator: OperatorProcess) -> None:
    """Exit code 0, or a Deployment would count it as a crash."""
    assert operator.stop() == 0
