"""What production showed of one variant's profile stays, and is not taken for another's."""

from typing import Any

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.test_counted_drift import OTHER_POD, counted, curve, slower
from tests.unit.controllers.test_variants import (
    BIG_MS,
    SLO,
    loaded,
    reconciled,
    rows,
    served,
    with_variants,
)
from tests.unit.controllers.world import DEPLOYMENT, NOW, absorb, edit, observed
from triton_operator.autoscaling.curve_drift import Drift
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.scaling_answer import Figures

TWICE = [{"1": "2.000", "4": "2.000"}]
SWITCHED = NOW + 121


def measured() -> tuple[Cluster, Drift]:
    """The big model serves, and takes twice as long as its profile says."""
    cluster = with_variants(variantPolicy=SLO)
    return cluster, slower(curve(cluster), (1, 2.0), (4, 2.0))


def switched(cluster: Cluster, **told: Any) -> None:
    """Three minutes with more than the big model does; then pods of the small one serve."""
    figures = Figures(rate=560.0, safe_rate=50.0)
    for at in (NOW, NOW + 60, NOW + 120, SWITCHED):
        reconciled(cluster, at, answer(2, figures=figures, **told))
    assert served(cluster)["name"] == "small"
    cluster.roll_out(DEPLOYMENT)


def test_a_drift_that_counts_outlives_a_change_of_variants() -> None:
    """Else it would be forgotten with each, and the slow one come back as a fast one."""
    cluster, drift = measured()
    OTHER_POD(cluster)
    found = reconcile(observed(cluster, now=NOW - 600, scaling=answer(2, drifted={"cpu": drift})))
    absorb(cluster, found)
    cluster.roll_out(DEPLOYMENT)
    assert counted(found) == TWICE

    switched(cluster)

    away = reconciled(cluster, NOW + 180, loaded(30.0))
    assert counted(away) == TWICE
    assert rows(cluster)["primary"]["predictedMilliseconds"] > 2 * BIG_MS
    reconciled(cluster, NOW + 1000, loaded(30.0))
    assert served(cluster)["name"] == "small", "by its profile the big one would do"

    edit(variantPolicy={"mode": "Static"})(cluster)
    reconciled(cluster, NOW + 1060, loaded(30.0))
    back = reconciled(cluster, NOW + 1061, loaded(30.0))
    assert served(cluster)["name"] == "primary"
    assert counted(back) == TWICE
    assert "as production showed" in str(back.status)


def test_the_change_of_variants_is_a_rollout_at_which_it_counts() -> None:
    """It is about the model whose pods go, and no word about the one that comes."""
    cluster, drift = measured()

    switched(cluster, drifted={"cpu": drift})

    found = reconciled(cluster, NOW + 180, loaded(30.0))
    assert counted(found) == TWICE
    assert rows(cluster)["primary"]["predictedMilliseconds"] > 2 * BIG_MS
    assert "as production showed" not in str(found.status), "it is not the small one's"
