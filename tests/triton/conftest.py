"""One Triton for all tests here: a real model, and one whose file is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness.triton import put_model, running_triton
from e2e.sample_files import magika_model
from tests.unit.planning.building import pool, spec
from triton_operator.cli.local_model import local_model
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.planning.plan import Plan, plan_service

LARGEST = 16
RELEASE = "24.10"
THREADS = 2


@pytest.fixture(scope="session")
def model_file() -> Path:
    return Path(magika_model())


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory, model_file: Path) -> Iterator[str]:
    """Where it answers; `magika` is loaded as the operator would have it, `broken` is not."""
    folder = tmp_path_factory.mktemp("triton")
    facts = local_model(model_file).facts
    wanted = spec(
        batching={"mode": "Fixed", "maxBatchSize": LARGEST},
        hardware={"resources": {"cpu": str(THREADS)}},
    )
    plan = plan_service(wanted, facts, [pool("cpu", release=RELEASE)])
    assert isinstance(plan, Plan)
    no_model = folder / "no-model"
    no_model.write_bytes(b"this is no model")
    for name, file in (("magika", model_file), ("broken", no_model)):
        configs = pool_configs(Owner(name, "shop", "uid"), facts, plan.pools[0])
        put_model(folder / "models", name, file, configs)
    with running_triton(folder / "models", folder / "triton.log", "magika") as url:
        yield url
