"""The platform's authorities: only certificates, and never worse than before."""

import subprocess
from pathlib import Path

import pytest

from triton_operator.controllers import trust_bundle
from triton_operator.controllers.trust_bundle import InvalidBundle, newest_bundle, read_bundle


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate and its key, as PEM."""
    folder = tmp_path_factory.mktemp("authority")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout", "key", "-out", "crt"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return (folder / "crt").read_text(), (folder / "key").read_text()


def test_only_the_certificates_are_kept(made: tuple[str, str], tmp_path: Path) -> None:
    certificate, _ = made
    file = tmp_path / "bundle"
    file.write_text(f"# Zertifizierungsstelle für München\n{certificate}\n# again\n{certificate}")

    assert read_bundle(file) == certificate * 2


def test_what_cannot_be_used_is_refused(
    made: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = made
    file = tmp_path / "bundle"
    middle = certificate.splitlines()[3]
    refused = {
        "no certificate in it": "",
        "private key": certificate + key,
        "cannot be read": certificate.replace(middle, "A" * len(middle)),
        "are allowed": certificate * 1000,
    }

    for complaint, text in refused.items():
        file.write_text(text)
        with pytest.raises(InvalidBundle, match=complaint):
            read_bundle(file)
    with pytest.raises(InvalidBundle, match="No such file"):
        read_bundle(tmp_path / "missing")


def test_a_broken_file_does_not_take_the_authorities_away(
    made: tuple[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, _ = made
    file = tmp_path / "bundle"
    file.write_text("half-writ")

    assert newest_bundle(file, "known") == "known"
    assert "not usable" in caplog.text

    file.write_text(certificate)
    assert newest_bundle(file, "known") == certificate


def test_the_limit_leaves_room_in_a_config_map() -> None:
    assert trust_bundle.MOST_BYTES < 2**20
