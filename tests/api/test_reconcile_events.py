"""One Event per transition, however often the service is looked at."""

from tests.api import model_facts
from tests.api.operator_process import SUM_OF_RESULTS
from tests.api.shop import Shop
from triton_operator.model.reasons import NOT_A_MODEL


def told(shop: Shop) -> list[tuple[str, str, str]]:
    """Type, reason and action of our events, in the order in which they happened."""
    ours = [
        event
        for event in shop.all("Event")
        if event.get("reportingController") == "serving.triton-operator.io/controller"
    ]
    ours.sort(key=lambda event: event["eventTime"])
    return [(event["type"], event["reason"], event["action"]) for event in ours]


def look_again(shop: Shop, name: str, times: int) -> None:
    """Changes that mean nothing: of a pod, which wakes the service, and of a field that no child
    shows, which makes its status new.
    """
    (pod, *_) = shop.all("Pod", name)
    for number in range(times):
        seen = shop.operator.metric(SUM_OF_RESULTS)
        shop.restart_count(pod, number + 1)
        _until_more(shop, seen)
        shop.change(name, precision={"minAgreement": f"0.{number + 1}"})
        shop.until("a new status", lambda: shop.is_seen(name))


def _until_more(shop: Shop, seen: float) -> None:
    shop.until("another look", lambda: shop.operator.metric(SUM_OF_RESULTS) > seen)


def test_serving_is_told_once(shop: Shop) -> None:
    shop.add_running("a")
    shop.serve("a")
    shop.until("the event", lambda: told(shop) != [])

    look_again(shop, "a", 5)

    assert told(shop) == [("Normal", "Serving", "SetReady")]


def test_each_failure_is_told_once(shop: Shop) -> None:
    shop.add_service("a")
    shop.answer_inspection("a", model_facts.failed(NOT_A_MODEL, "no"), exit_code=2)
    shop.until_condition("a", "ModelReady", "False", NOT_A_MODEL)
    shop.until("the event", lambda: told(shop) != [])

    look_again(shop, "a", 5)

    assert told(shop) == [("Warning", NOT_A_MODEL, "SetModelReady")]


def test_losing_pods_and_getting_them_back_is_told(shop: Shop) -> None:
    """Down and up again are two transitions, and each of them is news."""
    shop.add_running("a")
    shop.serve("a")
    for pod in shop.all("Pod", "a"):
        shop.delete("Pod", pod["metadata"]["name"])
    shop.until_condition("a", "Available", "False", "ReplicasNotReady")
    shop.serve("a")
    shop.until("three events", lambda: len(told(shop)) == 3)

    look_again(shop, "a", 3)

    assert told(shop) == [
        ("Normal", "Serving", "SetReady"),
        ("Warning", "ReplicasNotReady", "SetAvailable"),
        ("Normal", "Serving", "SetReady"),
    ]


def test_an_event_is_about_its_service(shop: Shop) -> None:
    """`kubectl describe` finds events by the uid of what they regard."""
    shop.add_running("a")
    shop.serve("a")
    shop.until("the event", lambda: told(shop) != [])

    (event,) = (e for e in shop.all("Event") if e["reason"] == "Serving")

    service = shop.get("InferenceService", "a")
    assert event["regarding"]["uid"] == service["metadata"]["uid"]
    assert event["regarding"]["kind"] == "InferenceService"
