"""The API server goes away under the running operator, and what it missed gives no event."""

from typing import NamedTuple

from e2e.harness.controlplane import ControlPlane
from tests.api.audit import Audit, Write
from tests.api.shop import Shop
from tests.api.test_reconcile_replicas import cpu_limit

GHOST_FOUND = "vanished unseen"


class Mark(NamedTuple):
    """Places in the audit log and in the operator's log, in bytes."""

    audit: int
    log: int


def test_a_change_after_a_restart_of_the_api_server(shop: Shop, stage: ControlPlane) -> None:
    """Every watch breaks; the same process takes them up again."""
    shop.add_running("a")
    process = shop.operator.running

    stage.restart_apiserver()
    shop.change("a", hardware={"resources": {"cpu": "3"}})

    shop.until("the new CPU limit", lambda: cpu_limit(shop) == "3")
    assert process.alive(), "a restart of the operator is a restart of every watch"
    assert shop.operator.running == process


def test_a_ghost_is_found_out_by_a_sweep(shop: Shop, stage: ControlPlane, audit: Audit) -> None:
    """A service is deleted while the watch is broken. The listing afterwards is silent about it:
    only a comparison with another listing tells the operator that it is gone.
    """
    shop.operator.ensure(sweep_seconds=2)
    mark = _delete_unseen(shop, stage, audit, "ghost")

    shop.operator.thaw()

    shop.until("the ghost to be found out", lambda: GHOST_FOUND in _new_log(shop, mark))
    shop.add_running("alive")
    shop.operator.pass_sweeps(2, keys=1)
    assert _new_log(shop, mark).count(GHOST_FOUND) == 1, "what was found out is forgotten"
    assert not shop.children("ghost")
    assert _creations(shop, audit, mark) == []


def test_a_ghost_that_is_woken_gives_up(shop: Shop, stage: ControlPlane, audit: Audit) -> None:
    """Before a sweep finds it out, a new pool wakes every service, and the plan of this one
    changes: what it writes then is the last of it, not the first round of a fight with the garbage
    collection.
    """
    mark = _delete_unseen(shop, stage, audit, "ghost")
    shop.operator.thaw()
    # Its watches are back when a change of something else is carried out.
    shop.add_running("alive")

    shop.create("ServingPool", "new", spec={})
    shop.until("the living to move", lambda: shop.find("Deployment", "alive-new") is not None)

    shop.until("the end of the work", shop.operator.is_quiet)
    shop.until("nothing of the ghost", lambda: not shop.children("ghost"))
    rounds = [str(write) for write in _creations(shop, audit, mark)]
    shop.add_service("later", 1)
    shop.until_settled("later")
    assert [str(write) for write in _creations(shop, audit, mark)] == rounds
    assert rounds.count("patch deployments ghost-new") <= 1


def _delete_unseen(shop: Shop, stage: ControlPlane, audit: Audit, name: str) -> Mark:
    """A service that the operator knows goes, children and all, while no watch is open.

    The new API server remembers nothing that is older than itself, so the operator's version is
    too old to go on from (410), and it has to list anew.
    """
    shop.add_running(name)
    shop.operator.freeze()
    mark = Mark(audit.mark(), shop.operator.log.stat().st_size)
    shop.create("ConfigMap", "newer-than-all-that-was-seen")
    stage.restart_apiserver(kill=True)
    children = shop.children(name)
    shop.delete("InferenceService", name)
    for kind, child in children:
        shop.until_gone(kind, child)
    return mark


def _new_log(shop: Shop, mark: Mark) -> str:
    return shop.operator.log.read_text()[mark.log :]


def _creations(shop: Shop, audit: Audit, mark: Mark) -> list[Write]:
    return [w for w in audit.writes(shop.namespace, since=mark.audit) if "ghost" in w.name]
