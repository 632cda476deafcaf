"""The owner, settings and plan of the happy path, for builders of single objects."""

from typing import Any

from tests.unit.planning.building import facts, pool, spec
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.owner import Owner
from triton_operator.planning.plan import Plan, plan_service

OWNER = Owner("filetype", "shop", "11111111-2222-3333-4444-555555555555")
FETCH = FetchSettings(image="registry.example/triton-operator:1.0.0")


def plan(**parts: Any) -> Plan:
    """The plan of the happy path; `parts` of the spec as they are on the wire."""
    made = plan_service(spec(**parts), facts(), [pool("cpu")])
    assert isinstance(made, Plan)
    return made
