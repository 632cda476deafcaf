"""Which pods a Service sends requests to: the open ones, once every pod says whether it is."""

from tests.api.shop import Object, Shop
from triton_operator.api import labels

ASIDE = {"metadata": {"labels": {labels.TRAFFIC: labels.ASIDE}}}
UNSAID = {"metadata": {"labels": {labels.TRAFFIC: None}}}


def running(shop: Shop) -> list[str]:
    """The names of two serving pods."""
    shop.add_running("a", scaling={"minReplicas": 2, "maxReplicas": 4})
    shop.serve("a")
    return sorted(shop.names("Pod", "a"))


def traffic(shop: Shop, name: str) -> str | None:
    found: str | None = shop.get("Pod", name)["metadata"]["labels"].get(labels.TRAFFIC)
    return found


def selector(shop: Shop) -> Object:
    return shop.get("Service", "a")["spec"]["selector"]


def test_a_service_goes_by_the_label_once_every_pod_has_it(shop: Shop) -> None:
    """Pods from before the label must not be left without requests: they get it."""
    old, other = running(shop)
    assert selector(shop)[labels.TRAFFIC] == labels.OPEN
    assert traffic(shop, old) == traffic(shop, other) == labels.OPEN

    shop.merge("Pod", old, UNSAID)
    shop.until("the pod to get it", lambda: traffic(shop, old) == labels.OPEN)
    shop.until(
        "the Service to go by the label", lambda: selector(shop).get(labels.TRAFFIC) == labels.OPEN
    )
    assert labels.TRAFFIC not in shop.get("Deployment", "a-cpu")["spec"]["selector"]["matchLabels"]
    assert labels.TRAFFIC not in shop.status("a")["selector"], "who scales counts all pods"


def test_a_pod_comes_back_when_nobody_is_to_be_aside_any_more(shop: Shop) -> None:
    """The operator was away, and meanwhile replicas became somebody else's."""
    pod, _ = running(shop)
    shop.operator.stop()
    shop.merge("Pod", pod, ASIDE)
    shop.change("a", scaling={"mode": "External", "minReplicas": None, "maxReplicas": None})
    shop.operator.ensure()

    shop.until("it to get requests again", lambda: traffic(shop, pod) == labels.OPEN)


def test_pods_come_back_when_none_else_answers(shop: Shop) -> None:
    first, second = running(shop)
    shop.operator.stop()
    shop.merge("Pod", first, ASIDE)
    shop.merge("Pod", second, ASIDE)
    shop.operator.ensure()

    shop.until(
        "both to get requests again",
        lambda: {traffic(shop, name) for name in (first, second)} == {labels.OPEN},
    )
