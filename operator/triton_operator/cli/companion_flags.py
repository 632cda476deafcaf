"""Flags that say which objects around the pods a cluster wants."""

import re
from collections.abc import Sequence

import typer
from pydantic import TypeAdapter, ValidationError

from triton_operator.api.access import Peer
from triton_operator.api.fields import Labels
from triton_operator.manifests.companions import PROMETHEUS

PEERS = TypeAdapter(list[Peer])
PEER = TypeAdapter(Peer)
_DURATION = re.compile(r"([0-9]+(ms|s|m|h))*")
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
        raise typer.BadParameter(
            _complaint(error, "the list"), param_hint="--prometheus-peers"
        ) from error
    for number, peer in enumerate(peers):
        if peer == Peer():
            raise typer.BadParameter(
                f"{number}: needs a namespaceSelector, a podSelector or both",
                param_hint="--prometheus-peers",
            )
    return tuple(peers)


def operator_of(text: str) -> Peer | None:
    """The operator's own pods, from a JSON object; empty text: it is no pod of this cluster.

    Raises:
        typer.BadParameter: no such object, or a selector is missing: services are in namespaces of
            others, and not every pod beside the operator is the operator.
    """
    if not text:
        return None
    try:
        peer = PEER.validate_json(text)
    except ValidationError as error:
        raise typer.BadParameter(
            _complaint(error, "the object"), param_hint="--operator-peer"
        ) from error
    if peer.namespace_selector is None or peer.pod_selector is None:
        raise typer.BadParameter(
            "needs a namespaceSelector and a podSelector", param_hint="--operator-peer"
        )
    return peer


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


def duration(given: str) -> str:
    """A time as Prometheus writes it, or nothing."""
    if not _DURATION.fullmatch(given):
        raise typer.BadParameter(f"'{given}' is no time of Prometheus, such as 5s or 1m30s")
    return given


def _complaint(error: ValidationError, whole: str) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or whole
    return f"{place}: {first['msg']}"
