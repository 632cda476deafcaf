"""Files made to harm are refused inside the Job, with a reason, in bounded memory and time."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from onnx import numpy_helper

from tests.hostile import files
from tests.hostile.files import Make
from tests.hostile.job import LARGEST_RESIDENT_MIB, run_job
from tests.unit.model.building import linear
from tests.unit.model.repository_building import CLASSIFIER, data_only, zipped


class Hostile(NamedTuple):
    name: str
    format: str
    make: Make
    reasons: str
    """One of these: where a parser gives up first depends on its version."""
    says: str = ""


ONNX, REPOSITORY = "ONNX", "TritonRepository"
TREE = "RepositoryRefused"
ARCHIVE = "ArchiveRefused"

CASES = [
    Hostile("onnx: truncated", ONNX,
            files.written(linear().SerializeToString()[:-20], "m"), "NotAModel"),
    Hostile("onnx: nested subgraphs", ONNX, files.written(files.nested_subgraphs, "m"),
            "NotAModel ModelTooLarge ParserFailed"),
    Hostile("onnx: nested groups", ONNX, files.written(files.nested_groups, "m"), "NotAModel"),
    Hostile("onnx: many nodes", ONNX, files.written(files.many_nodes, "m"),
            "ModelTooLarge", "nodes"),
    Hostile("onnx: many tensors", ONNX, files.written(files.many_tensors, "m"),
            "ModelTooLarge ParserFailed"),
    Hostile("onnx: a length that lies", ONNX, files.written(files.lying_length, "m"), "NotAModel"),
    Hostile("onnx: a huge shape", ONNX, files.written(files.huge_shape, "m"), "TensorTooLarge"),
    Hostile("external: parent folder", ONNX, files.external_at("../secret"),
            "ExternalDataRefused", "'..'"),
    Hostile("external: absolute", ONNX, files.external_at("/etc/passwd"),
            "ExternalDataRefused", "absolute"),
    Hostile("external: control character", ONNX, files.external_at("a\nb"),
            "ExternalDataRefused", "control character"),
    Hostile("external: memory address", ONNX, files.external_at("*/_ORT_MEM_ADDR_/*"),
            "ExternalDataRefused"),
    Hostile("external: library", ONNX, files.external_at("batchstrategy.so"),
            "ExternalDataRefused"),
    Hostile("external: link out", ONNX, files.external_link, "SourceForbidden", "link"),
    Hostile("external: named pipe", ONNX, files.external_pipe, "SourceNotFound", "regular"),
    Hostile("tar: parent folder", REPOSITORY, files.tar_with("../evil"), TREE, "'..'"),
    Hostile("tar: absolute", REPOSITORY, files.tar_with("/tmp/evil"), TREE, "absolute"),
    Hostile("tar: control character", REPOSITORY, files.tar_with("classifier/a\x1bb"), TREE,
            "control character"),
    Hostile("tar: symbolic link", REPOSITORY,
            files.tar_with("classifier/l", tarfile.SYMTYPE, "/etc/passwd"), ARCHIVE,
            "symbolic link"),
    Hostile("tar: hard link", REPOSITORY,
            files.tar_with("classifier/l", tarfile.LNKTYPE, "classifier/config.pbtxt"), ARCHIVE,
            "hard link"),
    Hostile("tar: device", REPOSITORY, files.tar_with("classifier/d", tarfile.CHRTYPE), ARCHIVE,
            "device"),
    Hostile("tar: named pipe", REPOSITORY, files.tar_with("classifier/d", tarfile.FIFOTYPE),
            ARCHIVE, "named pipe"),
    Hostile("tar: sparse file", REPOSITORY,
            files.tar_with("classifier/d", tarfile.GNUTYPE_SPARSE), ARCHIVE),
    Hostile("tar: a file twice", REPOSITORY, files.tar_with("classifier/config.pbtxt"), TREE,
            "twice"),
    Hostile("tar: names in two cases", REPOSITORY, files.tar_with("CLASSIFIER/config.pbtxt"), TREE,
            "case"),
    Hostile("tar: file and folder", REPOSITORY, files.tar_with("classifier/1/model.onnx/x"), TREE),
    Hostile("tar: bomb", REPOSITORY, files.written(files.zeros_in_tar, "r.tar.gz"), ARCHIVE,
            "100 times"),
    Hostile("tar: many entries", REPOSITORY, files.written(files.many_entries, "r.tar.gz"),
            ARCHIVE, "10,000"),
    Hostile("tar: header of 1 GiB", REPOSITORY, files.written(files.long_header, "r.tar.gz"),
            ARCHIVE, "header"),
    Hostile("tar: headers of headers", REPOSITORY, files.written(files.many_headers, "r.tar.gz"),
            ARCHIVE),
    Hostile("tar: truncated", REPOSITORY, files.written(files.truncated_tar, "r.tar.gz"), ARCHIVE),
    Hostile("tar: without its end", REPOSITORY, files.written(files.tar_without_end, "r.tar"),
            ARCHIVE, "ends early"),
    Hostile("tar: is none", REPOSITORY, files.written(b"<html>" * 999, "r.tar.gz"), ARCHIVE),
    Hostile("zip: parent folder", REPOSITORY, files.zip_with("../evil"), TREE, "'..'"),
    Hostile("zip: backslash", REPOSITORY, files.zip_with("..\\evil"), TREE),
    Hostile("zip: symbolic link", REPOSITORY, files.zip_with("classifier/l", mode=0o120777),
            ARCHIVE, "link"),
    Hostile("zip: bomb", REPOSITORY, files.written(files.zeros_in_zip, "r.zip"), ARCHIVE,
            "100 times"),
    Hostile("zip: a size that lies", REPOSITORY, files.written(files.lying_zip, "r.zip"), ARCHIVE),
    Hostile("zip: large directory", REPOSITORY, files.written(files.large_directory, "r.zip"),
            "ArchiveRefused ParserFailed"),
    Hostile("zip: truncated", REPOSITORY, files.written(zipped(data_only())[:-40], "r.zip"),
            ARCHIVE),
    Hostile("folder: symbolic link", REPOSITORY,
            files.linked("classifier/1/model.onnx", "/etc/passwd"), TREE, "symbolic link"),
    Hostile("folder: link to a folder", REPOSITORY, files.linked("other", "/etc"), TREE,
            "symbolic link"),
    Hostile("folder: named pipe", REPOSITORY,
            files.folder_with(lambda root: os.mkfifo(root / "classifier/1/p")), TREE, "named pipe"),
    Hostile("folder: control character", REPOSITORY,
            files.folder_with(lambda root: (root / "a\x07b").touch()), TREE, "control character"),
    Hostile("folder: names in two cases", REPOSITORY, files.two_cases, TREE, "case"),
    Hostile("folder: nested", REPOSITORY, files.folder_with(files.deep), TREE, "deep"),
    Hostile("config: nested braces", REPOSITORY, files.config(b"a {" * 200_000), TREE, "nested"),
    Hostile("config: large", REPOSITORY, files.config(CLASSIFIER + b"#" * (2 << 20)),
            "ModelTooLarge"),
    Hostile("config: many tensors", REPOSITORY,
            files.config(CLASSIFIER + b"input {} " * 100_000), TREE, "256 tensors"),
    *(
        Hostile(f"{where}: onnx: {name}", REPOSITORY, make(data), reasons,
                "'classifier/1/model.onnx' in the repository")
        for where, make in (("folder", files.onnx_in_folder), ("tar", files.onnx_in_tar))
        for name, data, reasons in (
            ("truncated", linear().SerializeToString()[:-20], "NotAModel"),
            ("nested subgraphs", files.nested_subgraphs, "NotAModel ModelTooLarge ParserFailed"),
            ("nested groups", files.nested_groups, "NotAModel"),
            ("many nodes", files.many_nodes, "ModelTooLarge"),
            ("many tensors", files.many_tensors, "ModelTooLarge ParserFailed"),
            ("a length that lies", files.lying_length, "NotAModel"),
            ("a huge shape", files.huge_shape, "TensorTooLarge"),
            ("a compiled engine", files.compiled_engine, "UnsupportedOperator"),
            ("data in a parent folder", files.external_to("../../secret"), "ExternalDataRefused"),
            ("data at an absolute path", files.external_to("/etc/passwd"), "ExternalDataRefused"),
            ("data in memory", files.external_to("*/_ORT_MEM_ADDR_/*"), "ExternalDataRefused"),
            ("data that is missing", files.external_to("w.bin"), "ExternalDataRefused"),
        )
    ),
    Hostile("folder: onnx: a page, under another name", REPOSITORY,
            files.onnx_named("weights.bin", b"<html>"), "NotAModel", "classifier/1/weights.bin'"),
    Hostile("folder: onnx: a page, beside the model", REPOSITORY,
            files.onnx_in_folder(b"<html>", "classifier/1/old.ONNX"), "NotAModel", "1/old.ONNX'"),
    Hostile("tar: onnx: too many", REPOSITORY,
            files.written(files.many_onnx_files, "r.tar.gz"), TREE, "256"),
    Hostile("OpenVINO: entities", "OpenVINO",
            files.written(b'<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><net>&b;</net>',
                          "m.xml"), "NotAModel", "document type"),
    Hostile("OpenVINO: nested", "OpenVINO",
            files.written(b"<net>" + b"<a>" * 1_000_000, "m.xml"), "NotAModel", "nested"),
    Hostile("OpenVINO: truncated", "OpenVINO", files.written(b"<net><layers>", "m.xml"),
            "NotAModel", "complete"),
    Hostile("TensorRT: a web page", "TensorRT", files.written(b"<!doctype html>", "m.plan"),
            "NotAModel", "web page"),
    Hostile("TensorRT: empty", "TensorRT", files.written(b"", "m.plan"), "NotAModel", "empty"),
    Hostile("TorchScript: truncated", "TorchScript",
            files.written(b"PK\x03\x04" + bytes(200), "m.pt"), "NotAModel", "truncated"),
    Hostile("TorchScript: a pickle", "TorchScript", files.written(b"\x80\x02}q\x00", "m.pt"),
            "NotAModel", "torch.jit.save"),
]  # fmt: skip


def test_the_models_of_a_repository_share_one_time(tmp_path: Path) -> None:
    """Each alone is fine, and takes a tenth of what there is."""
    (tmp_path / "source").mkdir()
    path = files.many_models(files.chain(20_000), 40)(tmp_path / "source")

    ended = run_job(
        "inspect",
        tmp_path,
        f"pvc://models/{path}",
        f"--format={REPOSITORY}",
        "--parse-cpu-seconds=4",
    )

    reason, message = ended.refusal
    assert reason == "ParserFailed"
    assert "ended by SIGXCPU on 'classifier/" in message
    assert "4 s of CPU time for this and" in message


def test_the_models_of_a_repository_do_not_add_up_in_memory(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.zeros(2 << 20, np.float32), "unused")
    built = linear()
    built.graph.initializer.append(weights)
    peaks = []
    for count in (1, 20):
        folder = tmp_path / str(count)
        (folder / "source").mkdir(parents=True)
        path = files.many_models(built.SerializeToString(), count)(folder / "source")

        ended = run_job("inspect", folder, f"pvc://models/{path}", f"--format={REPOSITORY}")

        assert ended.code == 0, ended.log
        peaks.append(ended.peak_mib)

    one, many = peaks
    assert many < one + 40, "20 models of 8 MiB"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_with_a_reason(case: Hostile, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    path = case.make(tmp_path / "source")

    ended = run_job(
        "inspect", tmp_path, f"pvc://models/{path}", f"--format={case.format}", "--allow-code"
    )

    reason, message = ended.refusal
    assert reason in case.reasons.split(), message
    assert case.says in message
    assert message.isprintable()
    assert ended.code == 2
    assert ended.peak_mib < LARGEST_RESIDENT_MIB
