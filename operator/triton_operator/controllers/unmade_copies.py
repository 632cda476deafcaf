"""Copies that pods cannot make again or Triton cannot load: they are rejected, FP32 runs. Pure.

A rollout that never ends is not only a copy that is not used: where an old pod goes before a new
one comes, nothing serves. The failed pods say it first. They go with the rollout back to FP32, so
it is also written into the profile that only the operator writes; else the plan would return to the
copy as soon as they are gone.
"""

from collections.abc import Iterator
from dataclasses import replace

from triton_operator.api import labels, reasons
from triton_operator.api.conditions import known_conditions, shortened
from triton_operator.api.conversion_report import decode_conversion
from triton_operator.api.model_profile import Conversion
from triton_operator.api.termination_message import UnreadableReport
from triton_operator.controllers.conversion_rows import are_about_the_same, with_row
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.pod_problems import known_problem
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.views import ContainerView, PodView
from triton_operator.manifests import names
from triton_operator.manifests.converting import CONVERT_CONTAINER
from triton_operator.manifests.triton_container import SERVING_CONTAINER

MOST_TRIES = 3
"""In one pod, of what may pass by itself: about half a minute, and as many conversions."""


def with_unmade_refused(observed: Observed) -> Observed:
    """What is observed, with a refusal in each row of a copy that could not be made again."""
    unmade = _unmade(observed)
    refused = [row for row in observed.converted if row.refusal is not None and row.digest]
    if not unmade and not refused:
        return observed
    conversions = {
        digest: tuple(_marked(row, digest, unmade, refused) for row in rows)
        for digest, rows in observed.conversions.items()
    }
    return replace(observed, conversions=conversions)


def rows_with_unmade(observed: Observed, digest: str) -> tuple[Conversion, ...] | None:
    """The conversions in the operator's own profile of the model, with the copies that could not be
    made again; None: they are as they should be.
    """
    unmade = _unmade(observed)
    rows = observed.converted
    for row in observed.conversions.get(digest, ()):
        if row.digest in unmade and row.refusal and not any(_refuses(one, row) for one in rows):
            rows = with_row(rows, row.model_copy(update={"time": rfc3339(observed.now)}))
    return None if rows == observed.converted else rows


def _marked(
    row: Conversion, digest: str, unmade: dict[str, str], refused: list[Conversion]
) -> Conversion:
    """An own row counts more than one that says nothing of it, whichever is newer."""
    if row.refusal is not None or row.digest is None:
        return row
    why = next((one.refusal for one in refused if _refuses(one, row)), None)
    if why is None and row.digest in unmade:
        profile = names.measured_profile(digest)
        # Its end says what to do; the middle is what a tool said.
        why = shortened(f"{unmade[row.digest]}; to try again, delete ModelProfile {profile}")
    return row if why is None else row.model_copy(update={"refusal": why})


def _refuses(own: Conversion, row: Conversion) -> bool:
    return own.refusal is not None and own.digest == row.digest and are_about_the_same(own, row)


def _unmade(observed: Observed) -> dict[str, str]:
    """Why, by digest of the copy."""
    return dict(_failures(observed))


def _failures(observed: Observed) -> Iterator[tuple[str, str]]:
    served = _has_served(observed)
    pods = [
        one
        for one in observed.children
        if isinstance(one, PodView)
        and one.role == labels.SERVE
        and not (one.deleting or one.lost)
        and one.copy_digest
    ]
    made = {one.copy_digest for one in pods if one.ready_since}
    loaded = {one.copy_digest for one in pods if one.was_ready}
    for pod in pods:
        for container in pod.containers:
            if container.name == CONVERT_CONTAINER and _has_given_up(
                container, made_elsewhere=pod.copy_digest in made
            ):
                yield pod.copy_digest, f"it could not be made again: {_words(pod)}"
            if (
                container.name == SERVING_CONTAINER
                and not (served or pod.copy_digest in loaded)
                and _has_ended(container)
                and _tries(container) >= MOST_TRIES
            ):
                yield pod.copy_digest, f"Triton does not come up with it: {_words(pod)}"


def _words(pod: PodView) -> str:
    problem = known_problem(pod)
    return problem.message if problem else f"pod {pod.name}"


def _has_served(observed: Observed) -> bool:
    """Whether a copy that runs now has served: what ends Triton then is not that it cannot load it,
    though all pods of it be new, as after a time without any.
    """
    known = known_conditions(observed.service.status)
    return any(
        one.type == reasons.PRECISION_VERIFIED
        and one.reason in (reasons.VERIFIED, reasons.SMOKE_TEST_ONLY)
        for one in known
    )


def _has_ended(container: ContainerView) -> bool:
    """Triton never ends by itself but for a failure, whatever its code."""
    return not (container.exit_code is None and container.last_exit_code is None)


def _tries(container: ContainerView) -> int:
    """How often it has ended: restarts do not count the first try, nor, while it runs, its end."""
    return container.restarts + (not container.running_since)


def _has_given_up(container: ContainerView, *, made_elsewhere: bool) -> bool:
    """Whether another try would not help: by its own word, or after several.

    Where other pods have made the copy it is this pod's node that is full, and nothing of the copy.
    """
    code, message = container.exit_code, container.terminated_message
    if code is None:
        code, message = container.last_exit_code, container.last_message
    if not code:
        return False
    try:
        failure = decode_conversion(message).failure
    except UnreadableReport:
        # Killed, most likely for its memory.
        failure = None
    if failure is not None and not failure.retryable:
        return True
    if made_elsewhere:
        return False
    return _tries(container) >= MOST_TRIES
