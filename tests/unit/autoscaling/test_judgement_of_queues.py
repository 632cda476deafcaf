"""Whom a look puts aside: by the queues that pods tell of, one look after the other."""

from dataclasses import replace

from tests.unit.autoscaling.pods import pod, samples, told
from tests.unit.autoscaling.test_judgement import Watched
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import Judgement
from triton_operator.autoscaling.samples import Samples

CROWDED, SHORT = 500.0, 4.0


def three_pods() -> Watched:
    watched = Watched()
    watched.fleet = Fleet(targets=(pod("a"), pod("b"), pod("c")), ordered=3)
    return watched


def looks(watched: Watched, number: int, waiting: float) -> Judgement:
    """The first of three pods answers what it can, the others 20/s; so many wait in the first."""
    for _ in range(number):
        seconds = watched.now - 1000
        calm = told(watched.now, 20 * seconds)
        busy = told(watched.now, 78 * seconds, pending=waiting)
        judgement = watched.look(samples(watched.now, a=busy, b=calm, c=calm))
        if judgement.aside is not None:
            watched.fleet = replace(watched.fleet, aside=judgement.aside)
    return judgement


def test_before_the_rate_is_known_all_stay_as_they_are() -> None:
    assert looks(three_pods(), 1, CROWDED).aside is None


def test_who_has_a_long_queue_is_put_aside_until_it_is_short() -> None:
    watched = three_pods()

    assert looks(watched, 8, SHORT).aside == frozenset()
    assert looks(watched, 20, CROWDED).aside == {"a"}
    assert looks(watched, 1, 2 * 8.0).aside == {"a"}
    assert looks(watched, 1, SHORT).aside == frozenset()


def test_when_metrics_are_lost_nobody_stays_aside() -> None:
    watched = three_pods()
    looks(watched, 20, CROWDED)

    watched.now += 5
    late = watched.look(Samples("pods", watched.now))
    watched.now += 60
    lost = watched.look(Samples("pods", watched.now))

    assert late.aside is None, "all stay as they are"
    assert lost.aside == frozenset()


def test_who_tells_nothing_for_a_while_gets_requests_again() -> None:
    """Four of five tell: enough to decide by, and none of it is about the fifth."""
    watched = Watched()
    names = ("a", "b", "c", "d", "e")
    watched.fleet = Fleet(targets=tuple(pod(name) for name in names), ordered=5)

    def aside(number: int, telling: tuple[str, ...]) -> frozenset[str] | None:
        for _ in range(number):
            seconds = watched.now - 1000
            calm = told(watched.now, 20 * seconds)
            all_of_them = dict.fromkeys(names, calm)
            all_of_them["a"] = told(watched.now, 78 * seconds, pending=CROWDED)
            judgement = watched.look(
                samples(watched.now, **{name: all_of_them[name] for name in telling})
            )
            if judgement.aside is not None:
                watched.fleet = replace(watched.fleet, aside=judgement.aside)
        return judgement.aside

    assert aside(20, names) == {"a"}
    assert aside(30, names[1:]) == frozenset()
