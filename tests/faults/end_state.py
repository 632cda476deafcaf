"""What a cluster looks like without what differs from run to run."""

import json
from typing import Any

from tests.faults.fake.history import Body, History
from triton_operator.api import labels

LEFT_OUT = frozenset({"Event", "Pod", "Node", "Namespace"})
"""Events may be lost or come twice; pods are named by their templates."""
OF_EACH_RUN = frozenset(
    {"resourceVersion", "creationTimestamp", "generation", "lastTransitionTime"}
)


def end_state(history: History) -> dict[str, Any]:
    """Objects by kind and name. Uids read as the names of what they stand for, times are absent,
    and instead of `observedGeneration` it says whether that is the newest.
    """
    names = {body["metadata"]["uid"]: "/".join(place) for place, body in history.objects.items()}
    return {
        "/".join(place): _plain(body, names)
        for place, body in sorted(history.objects.items())
        if place[0] not in LEFT_OUT
    }


def _plain(body: Body, names: dict[str, str]) -> Any:
    text = json.dumps(_without(body))
    for uid, name in names.items():
        text = text.replace(uid, name)
    plain = json.loads(text)
    status = plain.get("status") or {}
    if "observedGeneration" in status:
        generation = body["metadata"]["generation"]
        status["observedGeneration"] = status["observedGeneration"] == generation
        for condition in status.get("conditions") or ():
            if "observedGeneration" in condition:
                condition["observedGeneration"] = condition["observedGeneration"] == generation
    return plain


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        hidden = OF_EACH_RUN | {labels.DESIRED_HASH}  # it covers the owner's uid
        return {key: _without(part) for key, part in value.items() if key not in hidden}
    return [_without(part) for part in value] if isinstance(value, list) else value


def differences(got: Any, expected: Any, path: str = "") -> list[str]:
    """Every place where two states differ."""
    if isinstance(got, dict) and isinstance(expected, dict):
        return [
            line
            for key in sorted({**got, **expected})
            for line in differences(got.get(key), expected.get(key), f"{path}.{key}")
        ]
    if isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        return [
            line
            for number, (one, other) in enumerate(zip(got, expected, strict=True))
            for line in differences(one, other, f"{path}[{number}]")
        ]
    return [] if got == expected else [f"{path}: {got!r}, expected {expected!r}"]
