"""Which entry of a docker configuration is for which repository."""

import base64
import json
from pathlib import Path

import pytest

from triton_operator.model.docker_config import registry_user
from triton_operator.model.secret_files import SecretFiles


@pytest.mark.parametrize(
    ("keys", "host", "repository", "chosen"),
    [
        (["ghcr.io"], "ghcr.io", "org/m", "ghcr.io"),
        (["https://ghcr.io/v2/"], "ghcr.io", "org/m", "https://ghcr.io/v2/"),
        (["ghcr.io", "ghcr.io/org"], "ghcr.io", "org/m", "ghcr.io/org"),
        (["ghcr.io/org"], "ghcr.io", "organs/m", None),
        (["ghcr.io"], "ghcr.io:443", "org/m", None),
        (["r:5000"], "r:5000", "m", "r:5000"),
        (["https://index.docker.io/v1/"], "docker.io", "m", "https://index.docker.io/v1/"),
        ([], "ghcr.io", "org/m", None),
    ],
)
def test_the_entry_with_the_longest_path_counts(
    keys: list[str], host: str, repository: str, chosen: str | None, tmp_path: Path
) -> None:
    safe = {key: {"username": key, "password": "pw:1"} for key in keys}
    (tmp_path / ".dockerconfigjson").write_text(json.dumps({"auths": safe}))

    user = registry_user(SecretFiles(tmp_path), host, repository)

    assert (user and user.name) == chosen
    assert user is None or user.password == "pw:1"
    assert "pw:1" not in repr(user)


def test_a_name_and_password_in_one_text(tmp_path: Path) -> None:
    auth = base64.b64encode(b"me:p:w").decode()
    (tmp_path / ".dockerconfigjson").write_text(json.dumps({"auths": {"r": {"auth": auth}}}))

    user = registry_user(SecretFiles(tmp_path), "r", "m")

    assert user is not None
    assert (user.name, user.password) == ("me", "p:w")
