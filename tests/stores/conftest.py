"""Every store, started once; `stocked` is each of them in turn."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.stores.abfs_store import abfs_store
from tests.stores.command import Command
from tests.stores.forwarding import Gate
from tests.stores.gs_store import gs_store
from tests.stores.hf_store import hf_store
from tests.stores.oci_store import TokenServer, oci_store
from tests.stores.s3_store import s3_store
from tests.stores.stocked import Stocked

SCHEMES = ("s3", "gs", "abfs", "hf", "oci")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    with s3_store(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture(scope="session")
def abfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    with abfs_store(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(scope="session")
def gs_and_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stocked, Gate]]:
    with gs_store(tmp_path_factory.mktemp("gcs")) as running:
        yield running


@pytest.fixture(scope="session")
def oci_and_tokens(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Stocked, TokenServer]]:
    with oci_store(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def hf() -> Iterator[Stocked]:
    with hf_store() as (running, _):
        yield running


@pytest.fixture(scope="session")
def gs(gs_and_gate: tuple[Stocked, Gate]) -> Stocked:
    return gs_and_gate[0]


@pytest.fixture(scope="session")
def oci(oci_and_tokens: tuple[Stocked, TokenServer]) -> Stocked:
    return oci_and_tokens[0]


@pytest.fixture(params=SCHEMES)
def stocked(request: pytest.FixtureRequest) -> Stocked:
    found: Stocked = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def pod(tmp_path: Path) -> Callable[[Mapping[str, str], str], Command]:
    """A new pod with a Secret."""
    return lambda secret, host: Command(tmp_path / "pod", secret, host)
