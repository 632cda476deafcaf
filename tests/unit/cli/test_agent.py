"""`triton-operator agent`, and the kubeconfig that `cluster join` writes: whom they trust."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from tests.unit.controllers.test_connection import kubeconfig
from triton_operator.cli.exit_codes import INVALID
from triton_operator.cli.fleet import joined
from triton_operator.cli.live import CannotAsk
from triton_operator.cli.main import app


@pytest.mark.parametrize("which", ["--hub-kubeconfig", "--kubeconfig"])
def test_an_agent_does_not_begin_where_nobody_knows_who_answers(
    which: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("triton_operator.controllers.logs.configure_logs", lambda **_: None)
    paths = {"--hub-kubeconfig": tmp_path / "absent", "--kubeconfig": tmp_path / "absent"}
    skips = {"insecure-skip-tls-verify": True}
    paths[which] = kubeconfig(tmp_path, "https://hub.example", skips)
    options = [f"{name}={path}" for name, path in paths.items()]

    found = CliRunner().invoke(app, ["agent", "--mailbox=fleet-a", *options])

    assert found.exit_code == INVALID
    assert "remove insecure-skip-tls-verify" in caplog.text


@pytest.mark.parametrize("address", ["", "http://hub.example"])
def test_nothing_joins_by_an_address_that_its_agent_would_refuse(
    address: str, tmp_path: Path
) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1:8001")
    manifest = {"metadata": {"name": "a"}}

    with pytest.raises(CannotAsk, match=f"{address or 'http://127.0.0.1:8001'}.*--server"):
        asyncio.run(joined(cast(Any, None), manifest, "Edge", 60, address, path))
