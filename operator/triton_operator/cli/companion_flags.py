"""Flags that say which objects around the pods a cluster wants."""

import typer
from pydantic import TypeAdapter, ValidationError

from triton_operator.api.access import Peer
from triton_operator.manifests.companions import PROMETHEUS

PEERS = TypeAdapter(list[Peer])


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
