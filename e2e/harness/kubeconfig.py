"""Writes kubeconfig files with their credentials inside, so that they can be copied anywhere."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml

from e2e.harness.pki import Pair


def write(target: Path, *, name: str, url: str, ca: Path, client: Pair) -> Path:
    """A kubeconfig with one cluster, user and context, readable by its owner alone."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": url, "certificate-authority-data": _b64(ca)}}
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _b64(client.cert),
                    "client-key-data": _b64(client.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(document, file)
    return target


def _b64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
