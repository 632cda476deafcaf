"""A model that nobody knows: one Job finds out about it, and what it finds is kept by digest."""

from tests.api import model_facts
from tests.api.audit import Audit
from tests.api.shop import Shop
from triton_operator.model.reasons import NOT_A_MODEL

OTHER_URI = "https://models.example.com/other.onnx"
PERMANENT = 2
"""Exit code of a failure that the Job does not retry."""


def test_a_report_becomes_a_profile_and_children(shop: Shop) -> None:
    """The whole way of a first service, with nothing prepared."""
    shop.add_service("first")

    shop.until_inspection("first")
    shop.until_condition("first", "ModelReady", "Unknown", "Inspecting")
    assert not shop.all("Deployment", "first"), "nothing can be served before the facts are known"
    shop.answer_inspection("first", model_facts.found(7))

    shop.until_condition("first", "ModelReady", "True", "Inspected")
    shop.until_settled("first")
    kinds = [kind for kind, _ in shop.children("first")]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"]
    (profile,) = shop.all("ModelProfile")
    assert profile["spec"]["digest"] == model_facts.digest(7)
    assert profile["spec"]["facts"] == model_facts.facts(7).wire()
    model = shop.status("first")["model"]
    assert (model["digest"], model["batchable"]) == (model_facts.digest(7), True)
    assert [row["name"] for row in model["inputs"]] == ["x"]


def test_pods_that_start_make_it_ready(shop: Shop) -> None:
    """The Deployment is real: its own controller has to be satisfied with our template."""
    shop.add_running("first", scaling={"minReplicas": 2})
    assert shop.condition("first", "Ready")[0] != "True"

    shop.serve("first")

    status = shop.status("first")
    assert (status["readyReplicas"], status["desiredReplicas"]) == (2, 2)


def test_the_job_goes_once_its_answer_is_kept(shop: Shop) -> None:
    """A finished Job and its pod are of no use, and a thousand of them are a burden."""
    shop.add_service("first")
    job = shop.until_inspection("first")["metadata"]["name"]
    shop.answer_inspection("first", model_facts.found(7))

    shop.until(
        "the Job and its pod to go",
        lambda: (
            job not in shop.names("Job")
            and not any(name.startswith(job) for name in shop.names("Pod"))
        ),
    )


def test_a_known_digest_starts_no_job(shop: Shop, audit: Audit) -> None:
    """What one service found out serves every other one that pins the same bytes."""
    shop.add_service("first")
    shop.answer_inspection("first", model_facts.found(7))
    shop.until_settled("first")
    mark = audit.mark()

    shop.add_service("second", 7)

    shop.until_settled("second")
    assert not [w for w in audit.writes(shop.namespace, since=mark) if w.resource == "jobs"]


def test_facts_wake_every_service_that_waits_for_them(shop: Shop) -> None:
    """Both pinned the digest before anybody knew it; one answer is enough for both."""
    shop.add_service("first", 7)
    shop.add_service("second", 7)
    shop.until_inspection("second")

    shop.answer_inspection("first", model_facts.found(7))

    for name in ("first", "second"):
        shop.until_settled(name)
    assert len(shop.all("ModelProfile")) == 1


def test_a_failed_report_is_told_in_its_own_words(shop: Shop) -> None:
    """Whoever reads the status learns what is wrong with the file, not that a Job failed."""
    shop.add_service("broken")
    shop.until_inspection("broken")
    message = "model.onnx: not a protobuf message; export it again"
    shop.answer_inspection("broken", model_facts.failed(NOT_A_MODEL, message), exit_code=PERMANENT)

    shop.until_condition("broken", "ModelReady", "False", NOT_A_MODEL)
    shop.until_condition("broken", "Ready", "False", NOT_A_MODEL)
    told = {one["type"]: one["message"] for one in shop.status("broken")["conditions"]}
    assert message in told["ModelReady"]
    assert not shop.all("Deployment", "broken")
    assert not shop.all("ModelProfile")


def test_another_source_is_inspected_at_once(shop: Shop) -> None:
    """A corrected address must not wait for the old Job's retry, nor may both run."""
    shop.add_service("moved")
    old = shop.until_inspection("moved")["metadata"]["name"]
    shop.answer_inspection("moved", model_facts.failed(NOT_A_MODEL, "no"), exit_code=PERMANENT)
    shop.until_condition("moved", "ModelReady", "False", NOT_A_MODEL)

    shop.change("moved", model={"uri": OTHER_URI})

    shop.until(
        "the old Job to go",
        lambda: len(shop.names("Job") - {old}) == 1 and old not in shop.names("Job"),
    )
    shop.until_condition("moved", "ModelReady", "Unknown", "Inspecting")
    shop.answer_inspection("moved", model_facts.found(8))
    shop.until_settled("moved")
    assert shop.status("moved")["model"]["uri"] == OTHER_URI


def test_a_report_of_another_digest_is_not_believed(shop: Shop) -> None:
    """The report comes from whoever parsed an untrusted file; the pin comes from the user."""
    shop.add_service("pinned", 7)
    shop.until_inspection("pinned")
    shop.answer_inspection("pinned", model_facts.found(8))

    shop.until_condition("pinned", "ModelReady", "False", "InspectionFailed")
    assert not shop.all("ModelProfile")


def test_text_beyond_ascii_arrives(shop: Shop) -> None:
    """In what is found out, in what is wished, and so in children and status."""
    shop.add_service("first", runtime={"env": [{"name": "TEXT", "value": "é \U0001f680"}]})
    shop.until_inspection("first")
    reason = "axis 0 of \U0001f680 is a batch dimension"
    shop.answer_inspection("first", model_facts.found(7, reason=reason))

    shop.until_settled("first")
    (container,) = shop.get("Deployment", "first-cpu")["spec"]["template"]["spec"]["containers"]
    assert {"name": "TEXT", "value": "é \U0001f680"} in container["env"]
    assert shop.status("first")["model"]["reason"] == reason
