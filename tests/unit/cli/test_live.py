"""What is said where a cluster cannot be asked; with a real one in tests/api/test_explain.py."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from triton_operator.cli.live import CannotAsk, connected, services
from triton_operator.controllers.errors import (
    ApiError,
    ApiNotFound,
    ApiRefused,
    ApiUnavailable,
)


class Server:
    """Answers every request with one error."""

    def __init__(self, error: ApiError) -> None:
        self._error = error

    async def find(self, *_: Any, **__: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ApiNotFound(404, "", "page not found"), "kubectl apply --server-side -f crds"),
        (ApiRefused(403, "Forbidden", "no"), "may not list InferenceServices in namespace shop"),
        (ApiUnavailable(0, "", "timed out"), "the cluster does not answer: timed out"),
    ],
    ids=lambda value: value.status if isinstance(value, ApiError) else "",
)
def test_what_is_wrong_is_said(error: ApiError, says: str) -> None:
    with pytest.raises(CannotAsk, match=says):
        asyncio.run(services(Server(error), "shop"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"), [(None, "/config: no such file; set KUBECONFIG"), ("a: b", "Invalid kube")]
)
def test_a_kubeconfig_that_cannot_be_used(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)

    async def ask() -> None:
        async with connected(file):
            pass

    with pytest.raises(CannotAsk, match=says):
        asyncio.run(ask())
