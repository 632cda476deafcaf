"""Nodes by shape, with a memory: what a plan rests on does not follow every node."""

from tests.unit.planning.building import DEFAULTS, node
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.planning.fit import ReplicaNeed, Verdict, fit_of
from triton_operator.planning.node_summary import SETTLING_SECONDS, NodeSummary, summarise
from triton_operator.planning.nodes import NodeFacts
from triton_operator.planning.pools import Pool, label_keys, pools_on
from triton_operator.planning.shapes import largest, shape_of

NOW = 1_800_000_000.0
SPECS = {
    "gpus": ServingPoolSpec.model_validate({"nodeSelector": {"nodes": "g"}, "accelerator": {}})
}
KEYS = label_keys(SPECS.values())
ONE_GPU = ReplicaNeed(1000, 2**30, 1)


def gpu_node(name: str, *, gpus: int = 1, created: str = "2026-11-01T00:00:00Z") -> NodeFacts:
    return node(name, labels={"nodes": "g", "other": name}, gpus=gpus, created=created)


def seen(nodes: list[NodeFacts], at: float, before: NodeSummary | None = None) -> NodeSummary:
    return summarise(nodes, KEYS, now=at, before=before)


def pool(summary: NodeSummary) -> Pool:
    (found,) = pools_on(SPECS, summary, DEFAULTS)
    return found


def test_nodes_alike_are_one_shape() -> None:
    summary = seen([gpu_node("a"), gpu_node("b"), node("c")], NOW)

    assert sorted(summary.counts.values()) == [1, 2]


def test_a_node_more_or_less_leaves_the_pool_equal() -> None:
    assert pool(seen([gpu_node("a")], NOW)) == pool(seen([gpu_node("a"), gpu_node("b")], NOW))


def test_only_the_largest_of_a_kind_count() -> None:
    small, large = gpu_node("a"), node("b", labels={"nodes": "g"}, gpus=4, memory="64Gi")
    other = node("c", labels={"nodes": "g"}, cpu="64")
    shapes = [shape_of(one, KEYS) for one in (small, large, other)]

    assert set(largest(shapes)) == {shapes[1], shapes[2]}
    assert largest(shapes) == largest(reversed(shapes)), "whatever the order"


def test_a_shape_of_another_kind_is_not_covered() -> None:
    tainted = node("b", cpu="64", memory="512Gi", taints=[("dedicated", "batch", "NoSchedule")])
    shapes = [shape_of(node("a"), KEYS), shape_of(tainted, KEYS)]

    assert set(largest(shapes)) == set(shapes)


def test_a_node_that_is_replaced_is_still_counted_on() -> None:
    first = seen([gpu_node("a")], NOW)

    gone = seen([], NOW + 10, first)
    back = seen([gpu_node("b")], NOW + 200, gone)

    assert pool(first) == pool(gone) == pool(back)
    assert gone.next_change == NOW + 10 + SETTLING_SECONDS


def test_a_node_is_remembered_from_when_it_went() -> None:
    """Nothing looks at nodes while none of them changes: the last look may be hours ago."""
    first = seen([gpu_node("a")], NOW)

    gone = seen([], NOW + 7200, first)

    assert pool(gone) == pool(first)
    assert gone.next_change == NOW + 7200 + SETTLING_SECONDS


def test_a_node_that_stays_away_is_forgotten() -> None:
    first = seen([gpu_node("a")], NOW)
    gone = seen([], NOW + 10, first)

    later = seen([], NOW + 10 + SETTLING_SECONDS, gone)

    assert pool(later).has_nodes is False
    assert later.next_change is None
    assert fit_of(pool(later), ONE_GPU).verdict is Verdict.EMPTY


def test_a_broken_device_plugin_has_as_long() -> None:
    """A node whose accelerators vanish stays, without them."""
    first = seen([gpu_node("a")], NOW)
    broken = seen([gpu_node("a", gpus=0)], NOW + 10, first)
    still = seen([gpu_node("a", gpus=0)], NOW + 10 + SETTLING_SECONDS, broken)

    assert fit_of(pool(broken), ONE_GPU).verdict is Verdict.FITS
    fit = fit_of(pool(still), ONE_GPU)
    assert (fit.verdict, fit.counted) == (Verdict.MISFIT, "1 node: 1 lacks nvidia.com/gpu")


def test_a_new_node_is_not_held_against_its_pool_before_its_devices_are_there() -> None:
    """The first node of a pool that was scaled from zero must not move the service elsewhere."""
    joined = gpu_node("a", gpus=0, created="2027-01-15T08:00:00Z")
    assert joined.created == NOW

    new = seen([joined], NOW + 5)
    old = seen([joined], NOW + SETTLING_SECONDS)

    assert fit_of(pool(new), ONE_GPU).verdict is Verdict.EMPTY
    assert new.next_change == NOW + SETTLING_SECONDS
    assert fit_of(pool(old), ONE_GPU).verdict is Verdict.MISFIT


def test_a_node_that_has_not_reported_yet_is_none() -> None:
    assert seen([NodeFacts("a", labels={"nodes": "g"})], NOW) == seen([], NOW)


def test_a_new_node_is_as_large_as_it_says() -> None:
    """Memory and CPU are there from the first moment: nothing is waited for."""
    new = seen([gpu_node("a", created="2027-01-15T08:00:00Z")], NOW)

    fit = fit_of(pool(new), ReplicaNeed(1000, 40 * 2**30, 1))

    assert fit.verdict is Verdict.MISFIT
    assert fit.counted == "1 node: 1 has 32Gi < 40Gi memory"


def test_a_new_node_that_fits_counts_at_once() -> None:
    assert (
        fit_of(pool(seen([gpu_node("a", created="2027-01-15T08:00:00Z")], NOW)), ONE_GPU).verdict
        is Verdict.FITS
    )


def test_labels_that_no_pool_looks_at_mean_nothing() -> None:
    assert shape_of(gpu_node("a"), KEYS) == shape_of(gpu_node("b"), KEYS)


def test_a_memory_with_other_labels_is_dropped() -> None:
    before = summarise([gpu_node("a")], ["elsewhere"], now=NOW)

    assert seen([], NOW + 1, before).last_seen == {}
