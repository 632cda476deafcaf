"""What of a spec is rolled out, and what is held back while it is."""

from triton_operator.fleet.rollout_template import core, held_back

OLD = {"model": {"uri": "a"}, "scaling": {"mode": "Auto", "minReplicas": 1, "maxReplicas": 4}}
NEW = {"model": {"uri": "b"}, "scaling": {"minReplicas": 2, "maxReplicas": 9}}


def test_bounds_and_what_a_hub_reads_are_no_change() -> None:
    spec = {**OLD, "placement": {"clusterNames": ["a"]}, "managedBy": "fleet"}
    more = {**OLD, "scaling": {"mode": "Auto", "minReplicas": 3, "maxReplicas": 9}}

    assert core(spec) == core(more) == {"model": {"uri": "a"}, "scaling": {"mode": "Auto"}}
    assert core(spec) != core(NEW)
    assert core({**OLD, "scaling": {**OLD["scaling"], "mode": "Fixed"}}) != core(OLD)


def test_bounds_are_never_held_back() -> None:
    assert held_back(NEW, OLD) == {
        "model": {"uri": "a"},
        "scaling": {"mode": "Auto", "minReplicas": 2, "maxReplicas": 9},
    }


def test_who_scales_is_held_back_with_its_bounds() -> None:
    fixed = {**NEW, "scaling": {"mode": "Fixed", "minReplicas": 3}}

    assert held_back(fixed, OLD) == OLD


LOCAL_MAX = {"policy": "LocalMax", "maxReplicas": 9, "afterSeconds": 300}


def test_the_bound_of_a_cluster_on_its_own_is_no_change_and_never_held_back() -> None:
    old, new = ({**OLD, "offline": {**LOCAL_MAX, "maxReplicas": most}} for most in (9, 4))

    assert core(old) == core(new) == core({**OLD, "offline": LOCAL_MAX})
    assert held_back(new, old)["offline"] == {**LOCAL_MAX, "maxReplicas": 4}
    assert held_back({**new, "offline": {"policy": "LocalMax"}}, old)["offline"] == {
        "policy": "LocalMax",
        "afterSeconds": 300,
    }


def test_what_a_cluster_does_on_its_own_is_held_back() -> None:
    old = {**OLD, "offline": LOCAL_MAX}
    for offline in (
        {"policy": "LastKnown"},
        {"policy": "FallbackVariant", "fallbackVariant": "small"},
        {**LOCAL_MAX, "afterSeconds": 60},
    ):
        new = {**OLD, "offline": offline}
        assert core(new) != core(old)
        assert held_back(new, old) == old
    assert held_back({**OLD, "offline": LOCAL_MAX}, OLD) == OLD
