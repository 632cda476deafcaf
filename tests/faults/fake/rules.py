"""What the API server refuses for its content: 422."""

from typing import Any

from tests.faults.fake.answers import Refusal
from tests.faults.fake.history import Body


def check(old: Body | None, new: Body) -> None:
    """Refuse what the validation of the kind refuses.

    Raises:
        Refusal: 422.
    """
    kind, name = new["kind"], new["metadata"]["name"]
    spec = new.get("spec") or {}
    if kind == "Deployment":
        wanted = (spec.get("selector") or {}).get("matchLabels") or {}
        labels = (spec["template"].get("metadata") or {}).get("labels") or {}
        if not wanted.items() <= labels.items():
            raise _invalid(kind, name, "spec.template.metadata.labels: `selector` does not match")
        if old is not None and old["spec"]["selector"] != spec["selector"]:
            raise _invalid(kind, name, "spec.selector: field is immutable")
    if kind == "Job" and old is not None and old["spec"]["template"] != spec["template"]:
        raise _invalid(kind, name, "spec.template: field is immutable")
    frozen = kind == "ConfigMap" and old is not None and old.get("immutable")
    if frozen and old is not None and old.get("data") != new.get("data"):
        raise _invalid(kind, name, "data: field is immutable when `immutable` is set")
    if kind == "Service":
        _check_ports(name, spec.get("ports") or [])
    if old is not None and old["metadata"]["uid"] != new["metadata"]["uid"]:
        raise Refusal.conflict(f"{kind} {name}: Precondition failed: UID in precondition differs")


def _check_ports(name: str, ports: list[dict[str, Any]]) -> None:
    names = [port.get("name") for port in ports]
    if len(names) != len(set(names)):
        raise _invalid("Service", name, "spec.ports: Duplicate value")


def _invalid(kind: str, name: str, message: str) -> Refusal:
    return Refusal(422, f'{kind} "{name}" is invalid: {message}')
