"""Flags that say which objects around the pods a cluster wants."""

from collections.abc import Sequence

import typer
from pydantic import TypeAdapter, ValidationError

from triton_operator.api.access import Peer
from triton_operator.api.fields import Labels
from triton_operator.manifests.companions import PROMETHEUS

PEERS = TypeAdapter(list[Peer])
LABELS: TypeAdapter[dict[str, str]] = TypeAdapter(Labels)


def peers_of(text: str) -> tuple[Peer, ...]:
    """The peers in a JSON list; empty text: Prometheus by its usual label.

    Raises:
        typer.BadParameter: not such a list; the text names the place in it.
    """
    if not text:
        return PROMETHEUS
    try:
        peers = PEERS.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the list"
        raise typer.BadParameter(
            f"{place}: {first['msg']}", param_hint="--prometheus-peers"
        ) from error
    for number, peer in enumerate(peers):
        if peer == Peer():
            raise typer.BadParameter(
                f"{number}: needs a namespaceSelector, a podSelector or both",
                param_hint="--prometheus-peers",
            )
    return tuple(peers)


def labels_of(given: Sequence[str]) -> dict[str, str]:
    """Labels from `KEY=VALUE`.

    Raises:
        typer.BadParameter: no label, or no value.
    """
    for text in given:
        if "=" not in text:
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--pod-monitor-label")
    try:
        return LABELS.validate_python(dict(text.split("=", 1) for text in given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise typer.BadParameter(
            f"{first['input']!r}: {first['msg']}", param_hint="--pod-monitor-label"
        ) from error
