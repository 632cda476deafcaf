"""What to type after the demo, such that it works in the shell where it ran."""

from __future__ import annotations

from pathlib import Path

from e2e.harness.paths import REPOSITORY


def hints(
    kubeconfig: Path, kubectl: Path | None, example: Path, model: Path, address: str | None
) -> list[str]:
    """Lines to type in the repository's folder.

    `kubectl`: the one to use where PATH has none. `address`: HOST:PORT that can be reached from
    here without a tunnel.
    """
    lines = [f"export KUBECONFIG={kubeconfig}"]
    if kubectl is not None:
        lines.append(f"alias kubectl={kubectl}")
    lines.append("kubectl get tisvc -o wide")
    if address is not None:
        lines.append(f".venv/bin/python examples/filetype_client.py {address} README.md")
    return [
        *lines,
        "kubectl describe tisvc filetype",
        "kubectl scale tisvc filetype --replicas=2",
        "kubectl get deployment,pod -l serving.triton-operator.io/service=filetype",
        f".venv/bin/triton-operator plan -f {_short(example)} --model {_short(model)}",
        "make demo-down",
    ]


def _short(path: Path) -> Path:
    return path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path
