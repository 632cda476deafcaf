"""What a measuring Job's two containers run, run here: Triton's flags and config, and the program.

Not here: the kubelet, which starts and ends them.
"""

import os
import subprocess
import sys
from pathlib import Path

from e2e.harness.paths import REPOSITORY
from e2e.harness.triton import put_model, running_triton
from tests.unit.manifests.building import FETCH
from tests.unit.planning.building import pool, spec
from triton_operator.api.measurement_report import MeasurementReport, decode_measurement
from triton_operator.cli.local_model import LocalModel, local_model
from triton_operator.manifests.measurement_job import measurement_job
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.manifests.triton_container import POD_UID
from triton_operator.manifests.triton_container import REPOSITORY as IN_THE_POD
from triton_operator.planning.candidate import candidate
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.triton.server_flags import HTTP_PORT

OWNER = Owner("filetype", "shop", "uid")
BUDGET_SECONDS = 10


class Job:
    """The containers of a Job for a model on a pool of this Triton's release."""

    def __init__(self, model: LocalModel) -> None:
        wanted = spec(measurement={"mode": "IfUnknown"})
        plan = plan_service(wanted, model.facts, [pool("cpu", release="24.10")])
        assert isinstance(plan, Plan)
        row = candidate(wanted, model.facts, plan.pools[0])
        self.configs = pool_configs(OWNER, model.facts, row)
        common = (OWNER, wanted, model.digest, model.facts, row, self.configs)
        job = measurement_job(*common, FETCH, BUDGET_SECONDS)
        pod = job["spec"]["template"]["spec"]
        program, *flags = pod["initContainers"][1]["args"]
        assert program == "tritonserver"
        elsewhere = f"--model-repository={IN_THE_POD}"
        assert elsewhere in flags
        self.flags = [flag.replace(f"$({POD_UID})", "a-uid") for flag in flags if flag != elsewhere]
        (self.measure,) = pod["containers"]

    def measured_at(self, url: str, report: Path, **changes: str) -> tuple[int, MeasurementReport]:
        """The exit code and the report of the container that measures."""
        arguments = [
            argument.replace(f"http://127.0.0.1:{HTTP_PORT}", url)
            for argument in self.measure["args"]
        ]
        more = [f"--{name.replace('_', '-')}={value}" for name, value in changes.items()]
        ran = subprocess.run(
            [
                sys.executable,
                *self.measure["command"][1:],
                *arguments,
                *more,
                f"--report={report}",
            ],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
            check=False,
            timeout=120,
        )
        return ran.returncode, decode_measurement(report.read_text())


def test_both_containers_together(model_file: Path, tmp_path: Path) -> None:
    job = Job(local_model(model_file))
    put_model(tmp_path / "models", OWNER.name, model_file, job.configs)
    log = tmp_path / "triton.log"
    with running_triton(tmp_path / "models", log, None, job.flags) as url:
        # Nothing has told that Triton is ready: waiting for it is the program's own.
        code, report = job.measured_at(url, tmp_path / "report")

    assert code == 0, report
    assert report.measurement is not None
    row = report.measurement
    assert [one.batch_size for one in row.latency][:2] == [1, 2]
    assert row.hardware.triton_release == "24.10"
    assert row.hardware.cpu
    assert (row.engine, row.instances, row.threads) == ("onnxruntime", 1, 1)


def test_a_model_that_does_not_load(model_file: Path, tmp_path: Path) -> None:
    """Triton exits, as its flags say; the program gives up in time, and says so."""
    job = Job(local_model(model_file))
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"this is no model")
    put_model(tmp_path / "models", OWNER.name, broken, job.configs)
    log = tmp_path / "triton.log"
    with running_triton(tmp_path / "models", log, None, job.flags) as url:
        code, report = job.measured_at(url, tmp_path / "report", load_seconds="5")

    assert code == 1
    assert report.failure is not None
    assert report.failure.reason == "TritonUnreachable"
    assert "failed to load all models" in log.read_text()
