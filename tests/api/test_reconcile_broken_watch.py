"""The API server goes away under the running operator, and what it missed gives no event."""

from collections.abc import Callable

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.audit import Audit
from tests.api.shop import Shop
from tests.api.test_reconcile_replicas import cpu_limit


def test_a_change_after_a_restart_of_the_api_server(shop: Shop, stage: ControlPlane) -> None:
    """Every watch breaks; the same process takes them up again."""
    shop.add_running("a")
    process = shop.operator.running

    stage.restart_apiserver()
    shop.change("a", hardware={"resources": {"cpu": "3"}})

    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    assert process.alive(), "a restart of the operator is a restart of every watch"
    assert shop.operator.running == process


def test_a_ghost_gets_no_children(shop: Shop, stage: ControlPlane, audit: Audit) -> None:
    """A service is deleted while the watch is broken: the listing afterwards is silent about it, so
    the operator still knows it when it sees its children go. The next sweep finds out.
    """
    shop.add_running("ghost")
    shop.add_running("alive")
    shop.operator.ensure(sweep_seconds=2)
    shop.operator.freeze()
    mark = audit.mark()
    shop.api.request(
        "DELETE",
        f"/apis/serving.triton-operator.io/v1alpha1/namespaces/{shop.namespace}"
        "/inferenceservices/ghost",
        {"propagationPolicy": "Background"},
    )
    _until("the children to go", lambda: not shop.children("ghost"))
    stage.restart_apiserver(kill=True)

    shop.operator.thaw()
    shop.change("alive", hardware={"resources": {"cpu": "3"}})
    shop.until(
        "the other service to be changed",
        lambda: shop.is_settled("alive") and "3" in str(shop.children("alive")),
    )
    shop.operator.pass_sweeps(2, keys=1)

    assert not shop.children("ghost")
    writes = audit.writes(shop.namespace, since=mark)
    assert [str(write) for write in writes if "ghost" in write.name] == []


def _until(what: str, probe: Callable[[], bool]) -> None:
    """The operator is frozen and need not be alive."""
    wait_until(f"waiting for {what}", probe, timeout_seconds=40)
