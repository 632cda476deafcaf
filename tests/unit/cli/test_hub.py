"""Wrong flags of `hub` are refused by name before anything starts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from triton_operator.cli.main import app


@pytest.mark.parametrize(
    "text", ["example", "*.example.com", "Example.com", "a..b", f"{'a' * 64}.example", "a.b\n"]
)
def test_a_domain_that_is_none_is_refused(text: str) -> None:
    found = CliRunner().invoke(app, ["hub", "--dns-domain=models.example", f"--dns-domain={text}"])

    assert found.exit_code == 2
    assert "--dns-domain" in found.output
