"""Who goes first when replicas become fewer: whoever has least to finish."""

from dataclasses import replace

import pytest

from tests.unit.autoscaling.pods import pod, samples, told
from tests.unit.controllers.questions import question
from tests.unit.controllers.test_scaling_answer import judged
from tests.unit.controllers.world import DEPLOYMENT
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import ServiceMemory
from triton_operator.autoscaling.samples import with_samples
from triton_operator.controllers.removal_order import removal_order

TARGETS = (pod("a"), pod("b"), pod("c"))
WAITING = samples(0.0, a=told(0.0, pending=9.0), b=told(0.0, pending=4.0), c=told(0.0, pending=7.0))


@pytest.mark.parametrize(
    ("said", "labelled", "order"),
    [
        (frozenset(), frozenset(), ("b", "c", "a")),
        (frozenset({"b"}), frozenset(), ("c", "a", "b")),
        (frozenset(), frozenset({"b"}), ("b", "c", "a")),
        (None, frozenset({"b"}), ("c", "a", "b")),
        (frozenset({"a", "b", "c"}), frozenset(), ("b", "c", "a")),
    ],
    ids=["nobody aside", "from now on", "back from now on", "nothing known", "everybody"],
)
def test_the_idlest_go_first_and_those_that_are_aside_last(
    said: frozenset[str] | None, labelled: frozenset[str], order: tuple[str, ...]
) -> None:
    """One that is aside has had time to work off its queue, while those that are open have not."""
    seen = {"cpu": Fleet(targets=TARGETS, ordered=3, aside=labelled)}
    memory = ServiceMemory(seen=with_samples(None, WAITING, TARGETS))
    found = removal_order(question(), seen, memory, replace(judged(3, 3), aside=said))

    assert found == {DEPLOYMENT: order}
