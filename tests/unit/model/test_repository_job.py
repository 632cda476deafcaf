"""A repository from its address to its report, and from its digest to Triton's volume."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.model.repository_building import (
    CLASSIFIER,
    PREPARE,
    data_only,
    ensemble,
    placed,
    tarred,
    zipped,
)
from tests.unit.model.store import Store, whole
from triton_operator.api.inspection import Report, decode_report
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import RepositoryFacts, SilentField
from triton_operator.model.__main__ import main
from triton_operator.model.repository.delivery import MARK
from triton_operator.triton.config_completion import completion_text
from triton_operator.triton.model_config import parse_config

FORMAT = "--format=TritonRepository"
ALL_SILENT = [
    SilentField.INSTANCE_GROUP,
    SilentField.SCHEDULING,
    SilentField.METRIC_TAGS,
    SilentField.THREADS,
]


class Pod:
    """Folders as a pod has them, and the command run in this process."""

    def __init__(self, folder: Path, credentials_dir: Path) -> None:
        self.source = folder / "source"
        self.work = folder / "work"
        self.models = folder / "models"
        self.completions = folder / "config"
        self.termination_log = folder / "termination-log"
        for path in (self.source, self.work, self.models, self.completions):
            path.mkdir()
        self._shared = [
            FORMAT,
            f"--source-dir={self.source}",
            f"--credentials-dir={credentials_dir}",
            f"--report={self.termination_log}",
        ]

    def inspect(self, uri: str, *more: str) -> Report:
        main(["inspect", "--uri", uri, *self._shared, f"--work-dir={self.work}", *more])
        return decode_report(self.termination_log.read_text())

    def facts(self, uri: str, *more: str) -> ModelFacts:
        report = self.inspect(uri, *more)
        assert report.failure is None, report.failure
        assert report.facts is not None
        return report.facts

    def repository(self, uri: str, *more: str) -> RepositoryFacts:
        found = self.facts(uri, *more).repository
        assert found is not None
        return found

    def refusal(self, uri: str, *more: str) -> tuple[str, str]:
        failure = self.inspect(uri, *more).failure
        assert failure is not None
        assert not failure.retryable
        return failure.reason, failure.message

    def fetch(self, uri: str, *more: str, report: Report | None = None) -> int:
        report = report or self.inspect(uri, "--allow-code", *more)
        assert report.facts is not None, report.failure
        self.termination_log.write_text("")
        return main(
            [
                *("fetch", "--uri", uri, *self._shared, f"--into={self.models}"),
                f"--files={json.dumps([row.wire() for row in report.facts.files])}",
                f"--digest={report.digest}",
                f"--completions={self.completions}",
                *more,
            ]
        )

    def served(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.models)): path.read_bytes()
            for path in sorted(self.models.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def pod(tmp_path: Path, credentials_dir: Path) -> Pod:
    (tmp_path / "pod").mkdir()
    return Pod(tmp_path / "pod", credentials_dir)


Packed = Callable[[dict[str, bytes]], bytes]
ARCHIVES: dict[str, Packed] = {
    "r.tar.gz": tarred,
    "r.tgz": tarred,
    "r.tar": lambda files: tarred(files, mode="w:"),
    "r.zip": zipped,
    "in-a-folder.tar.gz": lambda files: tarred(files, prefix="./my_repository/"),
    "in-a-folder.zip": lambda files: zipped(files, prefix="my_repository/"),
}


# facts


def test_facts_of_a_folder(pod: Pod) -> None:
    placed(ensemble(), pod.source / "shop")

    facts = pod.facts("pvc://models/shop", "--allow-code")

    assert facts.repository is not None
    assert {row.name: (row.backend, row.max_batch_size) for row in facts.repository.models} == {
        "classifier": ("onnxruntime", 8),
        "pipeline": ("ensemble", 8),
        "prepare": ("python", 8),
    }
    classifier, pipeline, prepare = facts.repository.models
    assert classifier.silent == ALL_SILENT
    assert pipeline.silent == [SilentField.METRIC_TAGS]
    assert prepare.silent == [SilentField.SCHEDULING, SilentField.METRIC_TAGS]
    assert prepare.device == "CPU"
    assert [tensor.wire() for tensor in pipeline.inputs] == [
        {"name": "raw", "datatype": "FP32", "shape": [-1, 4]}
    ]
    assert [row.path for row in facts.files] == sorted(ensemble())
    assert facts.size_bytes == sum(map(len, ensemble().values()))


def test_the_digest_of_a_folder_is_what_a_person_computes(pod: Pod) -> None:
    placed(data_only(), pod.source / "shop")
    listing = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {path}\n"
        for path, data in sorted(data_only().items())
    )

    report = pod.inspect("pvc://models/shop")

    assert report.digest == f"sha256:{hashlib.sha256(listing.encode()).hexdigest()}"


@pytest.mark.parametrize("name", ARCHIVES)
def test_facts_of_an_archive_are_those_of_its_folder(name: str, pod: Pod) -> None:
    placed(ensemble(), pod.source / "shop")
    data = ARCHIVES[name](ensemble())
    (pod.source / name).write_bytes(data)

    packed = pod.inspect(f"pvc://models/{name}", "--allow-code")

    assert packed.facts is not None, packed.failure
    assert packed.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert packed.facts.repository == pod.repository("pvc://models/shop", "--allow-code")
    assert packed.facts.size_bytes == sum(map(len, ensemble().values()))
    assert len(packed.facts.files) == 1


def test_an_archive_over_https(store: Store, pod: Pod) -> None:
    store.answers["/r.tar.gz"] = [whole(tarred(data_only()))]

    assert [row.name for row in pod.repository(f"{store.url}/r.tar.gz").models] == ["classifier"]


def test_a_folder_over_https_cannot_be_listed(store: Store, pod: Pod) -> None:
    reason, message = pod.refusal(f"{store.url}/repository")

    assert reason == "UnsupportedSource"
    assert ".tar.gz" in message


def test_a_wrong_pin_is_found_before_a_config_is_parsed(pod: Pod) -> None:
    placed({"m/config.pbtxt": b"nonsense {"}, pod.source / "shop")

    reason, _ = pod.refusal("pvc://models/shop", f"--digest=sha256:{'0' * 64}")

    assert reason == "DigestMismatch"


# code


def test_code_is_refused_unless_it_is_allowed(pod: Pod) -> None:
    placed(ensemble(), pod.source / "shop")

    reason, message = pod.refusal("pvc://models/shop")

    assert reason == "CodeNotAllowed"
    assert "model 'prepare' runs in the backend 'python'" in message
    assert "codeNamespaces" in message
    assert pod.repository("pvc://models/shop", "--allow-code").code != []


# delivery


@pytest.mark.parametrize("name", ["shop", *ARCHIVES])
def test_delivery_keeps_what_the_author_wrote(name: str, pod: Pod) -> None:
    if name == "shop":
        placed(ensemble(), pod.source / name)
    else:
        (pod.source / name).write_bytes(ARCHIVES[name](ensemble()))
    addition = "instance_group {\n  kind: KIND_CPU\n  count: 1\n}\n"
    (pod.completions / "classifier.pbtxt").write_text(addition)

    assert pod.fetch(f"pvc://models/{name}", "--allow-code") == 0

    completed = CLASSIFIER + f"\n{MARK}\n{addition}".encode()
    assert pod.served() == {**ensemble(), "classifier/config.pbtxt": completed}
    # Triton wants a version folder of an ensemble, which has no file to be in it.
    assert (pod.models / "pipeline" / "1").is_dir()
    assert sorted(path.name for path in pod.models.iterdir()) == [
        "classifier",
        "pipeline",
        "prepare",
    ]


def test_delivery_keeps_the_authors_histogram(pod: Pod) -> None:
    """A second `model_metrics` would be an error of the text, and the server would end."""
    own = (
        CLASSIFIER
        + b"""model_metrics {
  metric_control {
    metric_identifier { family: "nv_inference_first_response_histogram_ms" }
    histogram_options { buckets: [ 10, 20 ] }
  }
}
"""
    )
    placed({**ensemble(), "classifier/config.pbtxt": own}, pod.source / "shop")
    buckets = completion_text(
        instance_kind="KIND_CPU",
        threads=None,
        dynamic_batching=False,
        queue_delay_microseconds=0,
        metric_tags={},
        histogram_edges=(124, 249),
    )
    for name in ("classifier", "prepare"):
        (pod.completions / f"{name}.pbtxt").write_text(buckets)

    assert pod.fetch("pvc://models/shop", "--allow-code") == 0

    served: Any = parse_config(pod.served()["classifier/config.pbtxt"].decode())
    (control,) = served.model_metrics.metric_control
    assert list(control.histogram_options.buckets) == [10, 20]
    assert len(served.instance_group) == 1, "the rest is completed"
    assert pod.served()["prepare/config.pbtxt"] == PREPARE + f"\n{MARK}\n{buckets}".encode()


def test_delivery_after_an_interrupted_one_starts_clean(pod: Pod) -> None:
    placed(data_only(), pod.source / "shop")
    placed({"classifier/1/half": b"x", ".arriving/tree/x": b"x"}, pod.models)

    assert pod.fetch("pvc://models/shop") == 0

    assert pod.served() == data_only()


def test_delivery_refuses_code_by_itself(pod: Pod) -> None:
    """The facts may come from a ModelProfile that somebody in the namespace wrote."""
    placed(ensemble(), pod.source / "shop")

    assert pod.fetch("pvc://models/shop") == 2

    failure = decode_report(pod.termination_log.read_text()).failure
    assert failure is not None
    assert failure.reason == "CodeNotAllowed"
    assert not (pod.models / "prepare").exists()


def test_delivery_refuses_a_file_that_changed(pod: Pod) -> None:
    placed(data_only(), pod.source / "shop")
    report = pod.inspect("pvc://models/shop")
    assert report.facts is not None
    rows = [row.wire() for row in report.facts.files]
    (pod.source / "shop" / "classifier" / "1" / "model.onnx").write_bytes(b"another")

    code = main(
        [
            *("fetch", "--uri", "pvc://models/shop", FORMAT, f"--source-dir={pod.source}"),
            *(f"--report={pod.termination_log}", f"--into={pod.models}"),
            *(f"--files={json.dumps(rows)}", f"--digest={report.digest}"),
        ]
    )

    assert code == 2
    failure = decode_report(pod.termination_log.read_text()).failure
    assert failure is not None
    assert failure.reason == "DigestMismatch"
