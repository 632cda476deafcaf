"""Files made to harm: each function puts one into a claim's folder and gives its path there."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from onnx import helper

from tests.unit.model.building import external, linear, model, value
from tests.unit.model.repository_building import CLASSIFIER, data_only, placed, tarred

Make = Callable[[Path], str]


def written(data: bytes | Callable[[], bytes], name: str) -> Make:
    def make(folder: Path) -> str:
        (folder / name).write_bytes(data if isinstance(data, bytes) else data())
        return name

    return make


# ONNX


def nested_subgraphs() -> bytes:
    """A graph in an attribute of a node of a graph …, 5,000 deep, written by hand: no protobuf
    writer goes that far.
    """
    graph = b""
    for _ in range(5000):
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            graph = tag + _varint(len(graph)) + graph
    return linear().SerializeToString() + b"\x3a" + _varint(len(graph)) + graph


def nested_groups() -> bytes:
    """100,000 nested messages of one byte each, for a parser that recurses."""
    return b"\x0b" * 100_000


def many_nodes() -> bytes:
    node = helper.make_node("Relu", ["x"], ["x"]).SerializeToString()
    row = b"\x0a" + bytes([len(node)]) + node
    graph = row * 300_000
    return linear().SerializeToString() + b"\x3a" + _varint(len(graph)) + graph


def many_tensors() -> bytes:
    graph = b"\x2a\x00" * 2_000_000
    return linear().SerializeToString() + b"\x3a" + _varint(len(graph)) + graph


def lying_length() -> bytes:
    """A field that says that it has 2 GiB."""
    return b"\x08\x09\x3a" + _varint((1 << 31) - 1) + b"x" * 100


def huge_shape() -> bytes:
    axes = [1 << 40, 1 << 40]
    node = helper.make_node("Relu", ["x"], ["y"])
    return model([node], [value("x", axes)], [value("y", axes)]).SerializeToString()


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def external_at(location: str) -> Make:
    return written(lambda: external(location).SerializeToString(), "model.onnx")


def external_link(folder: Path) -> str:
    (folder / "weights.bin").symlink_to("/etc/passwd")
    return external_at("weights.bin")(folder)


def external_pipe(folder: Path) -> str:
    os.mkfifo(folder / "weights.bin")
    return external_at("weights.bin")(folder)


# ONNX models in a repository


def onnx_in_folder(
    data: bytes | Callable[[], bytes], name: str = "classifier/1/model.onnx"
) -> Make:
    return folder_with(
        lambda root: placed({name: data if isinstance(data, bytes) else data()}, root)
    )


def onnx_in_tar(data: bytes | Callable[[], bytes], name: str = "classifier/1/model.onnx") -> Make:
    def packed() -> bytes:
        return tarred({**data_only(), name: data if isinstance(data, bytes) else data()})

    return written(packed, "r.tar.gz")


def external_to(location: str) -> bytes:
    return external(location).SerializeToString()


def onnx_named(name: str, data: bytes) -> Make:
    """ONNX Runtime opens what its config names, whatever it is called."""
    text = CLASSIFIER + f'default_model_filename: "{name}"\n'.encode()
    return folder_with(
        lambda root: placed({"classifier/config.pbtxt": text, f"classifier/1/{name}": data}, root)
    )


def many_onnx_files() -> bytes:
    return tarred({**data_only(), **{f"classifier/1/{number}.onnx": b"" for number in range(300)}})


def many_models(model: bytes, count: int) -> Make:
    """The same model in many versions."""
    return folder_with(
        lambda root: placed(
            {f"classifier/{version}/model.onnx": model for version in range(1, count + 1)}, root
        )
    )


def chain(nodes: int) -> bytes:
    """A model that is right, and takes the parser 20 µs for each of its nodes."""
    names = ["x", *(f"t{number}" for number in range(1, nodes)), "y"]
    steps = [helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)]
    shape = ["n", 4]
    return model(steps, [value("x", shape)], [value("y", shape)]).SerializeToString()


def compiled_engine() -> bytes:
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")
    shape = ["n", 4]
    domains = [("", 17), ("com.microsoft", 1)]
    made = model([node], [value("x", shape)], [value("y", shape)], domains=domains)
    return made.SerializeToString()


# Archives


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def tar_with(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Make:
    def data() -> bytes:
        good = [(member(path), body) for path, body in data_only().items()]
        return tar_of(*good, (member(name, kind, target), b"" if kind != tarfile.REGTYPE else b"x"))

    return written(data, "r.tar.gz")


def zip_with(name: str, *, mode: int = 0o100644) -> Make:
    def data() -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, body in data_only().items():
                archive.writestr(path, body)
            row = zipfile.ZipInfo(name)
            row.external_attr = mode << 16
            archive.writestr(row, b"/etc/passwd")
        return packed.getvalue()

    return written(data, "r.zip")


def zeros_in_tar() -> bytes:
    """8 GiB of zeros in 8 MB, of which only the header is made: the rest is repeated."""
    info = member("classifier/1/weights.bin")
    info.size = 8 << 30
    block = gzip.compress(bytes(1 << 24), 9)
    return gzip.compress(info.tobuf()) + block * 512


def zeros_in_zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("classifier/config.pbtxt", CLASSIFIER)
        with archive.open("classifier/1/model.onnx", "w") as stream:
            for _ in range(300):
                stream.write(bytes(1 << 20))
    return packed.getvalue()


def lying_zip() -> bytes:
    """The directory says 10 bytes, the data has a megabyte."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("classifier/config.pbtxt", bytes(1 << 20))
    data = packed.getvalue()
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", 10) + data[at + 28 :]


def many_entries() -> bytes:
    return tar_of(*((member(f"m/1/{number}"), b"") for number in range(20_000)))


def long_header() -> bytes:
    """An extended header of 1 GiB, which a careless reader takes into memory."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type = tarfile.XHDTYPE
    info.size = 1 << 30
    return gzip.compress(info.tobuf()) + gzip.compress(bytes(1 << 24)) * 64


def many_headers() -> bytes:
    """Extended headers for extended headers: a reader that recurses runs out of stack."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type = tarfile.XHDTYPE
    info.size = 10
    return gzip.compress((info.tobuf() + b"10 a=bcde\n".ljust(512, b"\0")) * 20_000)


def large_directory() -> bytes:
    """A zip of two million empty entries without data: its directory alone has 100 MB."""
    row = (
        struct.pack(
            "<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
        )
        + b"a"
    )
    count = 2_000_000
    rows = row * count
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(rows), 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(rows), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return rows + end64 + locator + end


def truncated_tar() -> bytes:
    data = tarred(data_only())
    return data[: len(data) // 2]


def tar_without_end() -> bytes:
    plain = tarred(data_only(), mode="w:")
    return plain.rstrip(b"\0").ljust(-(-len(plain.rstrip(b"\0")) // 512) * 512, b"\0")


# Folders


def folder_with(change: Callable[[Path], object]) -> Make:
    def make(folder: Path) -> str:
        placed(data_only(), folder / "r")
        change(folder / "r")
        return "r"

    return make


def _case(root: Path) -> None:
    placed({"Classifier/1/x": b""}, root)


def deep(root: Path) -> None:
    (root / "classifier" / "/".join("d" * 30)).mkdir(parents=True)


def config(text: bytes) -> Make:
    return folder_with(lambda root: (root / "classifier/config.pbtxt").write_bytes(text))


def linked(name: str, target: str) -> Make:
    def change(root: Path) -> None:
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)

    return folder_with(change)


two_cases = folder_with(_case)
