"""The platform's authorities reach services, change with their file, and replace no pod."""

import subprocess
from pathlib import Path

import pytest

from tests.api.operator_process import OperatorProcess
from tests.api.shop import Shop

CONFIG_MAP = "remote-ca"


def certificate(folder: Path, name: str) -> str:
    """A new self-signed certificate, PEM."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", "key", "-out", name),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return (folder / name).read_text()


@pytest.fixture
def bundle(tmp_path: Path, only_operator: OperatorProcess, shop: Shop) -> Path:
    """The file that the operator, which sweeps, reads."""
    assert shop  # first: it wants an operator of the usual kind
    file = tmp_path / "ca.crt"
    file.write_text(certificate(tmp_path, "first"))
    only_operator.ensure(f"--ca-bundle-file={file}", sweep_seconds=1)
    return file


def test_a_new_bundle_reaches_a_service_and_replaces_no_pod(
    shop: Shop, bundle: Path, tmp_path: Path
) -> None:
    shop.add_running("remote")
    shop.serve("remote")
    before = shop.get("Deployment", "remote-cpu")
    pods = {pod["metadata"]["uid"] for pod in shop.all("Pod", "remote")}
    assert shop.get("ConfigMap", CONFIG_MAP)["data"] == {"ca.crt": bundle.read_text()}
    volumes = before["spec"]["template"]["spec"]["volumes"]
    assert CONFIG_MAP in [one.get("configMap", {}).get("name") for one in volumes]

    bundle.write_text(certificate(tmp_path, "second"))

    shop.until(
        "the new authorities",
        lambda: shop.get("ConfigMap", CONFIG_MAP)["data"] == {"ca.crt": bundle.read_text()},
    )
    after = shop.get("Deployment", "remote-cpu")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert {pod["metadata"]["uid"] for pod in shop.all("Pod", "remote")} == pods


def test_an_unusable_bundle_changes_nothing(
    shop: Shop, bundle: Path, only_operator: OperatorProcess
) -> None:
    shop.add_running("remote")
    known = shop.get("ConfigMap", CONFIG_MAP)["metadata"]["resourceVersion"]

    bundle.write_text("-----BEGIN CERTIFICATE-----\nhalf")

    shop.until("the operator to say so", lambda: "is not usable" in only_operator.log.read_text())
    only_operator.pass_sweeps(1, keys=1)
    assert shop.get("ConfigMap", CONFIG_MAP)["metadata"]["resourceVersion"] == known
