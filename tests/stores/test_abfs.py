"""What only Azure has: shared access signatures, the account in the Secret, public containers."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from tests.stores.abfs_store import ACCOUNT, KEY, VERSION
from tests.stores.command import Command
from tests.stores.stocked import FOLDER, ROWS, Stocked
from triton_operator.model.digest import model_digest

NewPod = Callable[[Mapping[str, str], str], Command]


def signature(*, hours: int) -> str:
    signed: str = generate_container_sas(
        ACCOUNT,
        "models",
        account_key=KEY,
        permission=ContainerSasPermissions(read=True),
        start=datetime.now(UTC) - timedelta(days=2),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
        version=VERSION,
    )
    return signed


@pytest.mark.parametrize("mark", ["", "?"])
def test_a_shared_access_signature_lets_in(abfs: Stocked, pod: NewPod, mark: str) -> None:
    command = pod({"AZURE_STORAGE_SAS_TOKEN": mark + signature(hours=1)}, abfs.address)
    report = command.inspect(abfs.uri(abfs.address), abfs.endpoint(abfs.address))

    assert report.digest == model_digest(ROWS)


def test_one_that_has_run_out_is_refused_and_not_shown(abfs: Stocked, pod: NewPod) -> None:
    old = signature(hours=-1)
    reason, message, _ = pod({"AZURE_STORAGE_SAS_TOKEN": old}, abfs.address).failure(
        abfs.uri(abfs.address), abfs.endpoint(abfs.address)
    )

    assert reason == "SourceForbidden"
    assert "Authorization" in message
    assert "sig=" not in message


def test_the_account_may_come_from_the_secret(abfs: Stocked, pod: NewPod) -> None:
    secret = {**abfs.secret, "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT}
    uri = f"abfs://models/{FOLDER}/m=1.onnx"
    report = pod(secret, abfs.address).inspect(uri, abfs.endpoint(abfs.address))

    assert report.digest == model_digest(ROWS)
