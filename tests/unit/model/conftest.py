"""Stores and clocks for the tests of this room."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.model.store import Store, certificate


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def new_store(pem: Path) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def new() -> Store:
        stores.append(Store(pem))
        return stores[-1]

    yield new
    for one in stores:
        one.close()


@pytest.fixture
def store(new_store: Callable[[], Store]) -> Store:
    return new_store()


@pytest.fixture
def credentials_dir(pem: Path, tmp_path: Path) -> Path:
    """A mounted Secret that has the store's authority."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((pem.parent / "ca.crt").read_bytes())
    return folder
