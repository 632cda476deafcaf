"""Installs the generated definitions into an API server."""

from pathlib import Path

import yaml

from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from triton_operator.api.group import API_VERSION

CRDS = Path(__file__).parents[2] / "crds"


def install_definitions(api: Api, *, only: str = "") -> list[Object]:
    """Create what is in `crds/` and wait until it is served; as the API server holds it.

    `only`: the name of one definition.
    """
    read = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(CRDS.glob("*.yaml"))
    ]
    created = [api.create(one) for one in read if only in ("", one["metadata"]["name"])]
    wait_until(
        "waiting for the definitions to be served",
        lambda: all(is_served(api, definition) for definition in created),
        timeout_seconds=60,
    )
    return [api.get(definition) for definition in created]


def is_served(api: Api, definition: Object) -> bool:
    """Whether requests for its objects are answered."""
    conditions = api.get(definition).get("status", {}).get("conditions") or []
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    # Established comes a moment before requests are answered: until then the path is unknown, or
    # its "storage is (re)initializing".
    try:
        api.request("GET", f"/apis/{API_VERSION}/{definition['spec']['names']['plural']}")
    except RefusedError as refusal:
        if refusal.code in (404, 429, 503):
            return False
        raise
    return True
