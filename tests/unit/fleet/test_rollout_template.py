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
