"""Real files of many types, found on any machine that can run the demo or made by real tools."""

from __future__ import annotations

import bz2
import gzip
import lzma
import py_compile
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import wave
import zipfile
from pathlib import Path

from e2e.harness.paths import REPOSITORY

SOURCE = REPOSITORY / "operator" / "triton_operator" / "controllers" / "queue.py"


def sample_files(folder: Path) -> list[Path]:
    """At least 20 files, each of another type; what has to be made is put into `folder`."""
    return [*_found(), *_made(folder)]


def magika_model() -> Path:
    """The ONNX file inside the magika package."""
    return Path(sysconfig.get_path("purelib")) / "magika/models/standard_v3_3/model.onnx"


def _found() -> list[Path]:
    packages = Path(sysconfig.get_path("purelib"))
    include = Path(sysconfig.get_path("include"))
    in_repository = [
        SOURCE,
        REPOSITORY / "README.md",
        REPOSITORY / "pyproject.toml",
        REPOSITORY / "Makefile",
        REPOSITORY / "LICENSE",
        REPOSITORY / ".ci" / "run",
        REPOSITORY / "crds" / "inferenceservices.yaml",
        REPOSITORY / "charts" / "triton-operator" / "values.schema.json",
        REPOSITORY / "images" / "triton-cpu" / "Dockerfile",
    ]
    elsewhere = [
        magika_model(),
        next(iter(sorted(packages.glob("numpy/**/*.so"))), None),
        next(iter(sorted(packages.glob("**/*.js"))), None),
        next(iter(sorted(packages.glob("**/*.css"))), None),
        next(iter(sorted(packages.glob("**/*.html"))), None),
        next(iter(sorted(include.glob("object.h"))), None),
    ]
    return [path for path in (*in_repository, *elsewhere) if path is not None and path.is_file()]


def _made(folder: Path) -> list[Path]:
    text = SOURCE.read_bytes()
    compressed = {
        "queue.py.gz": gzip.compress(text),
        "queue.py.bz2": bz2.compress(text),
        "queue.py.xz": lzma.compress(text),
    }
    made = []
    for name, content in compressed.items():
        (folder / name).write_bytes(content)
        made.append(folder / name)
    with tarfile.open(folder / "sources.tar", "w") as tar:
        tar.add(SOURCE.parent, "controllers")
    with zipfile.ZipFile(folder / "sources.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(SOURCE.parent.glob("*.py")):
            archive.write(path, path.name)
    py_compile.compile(str(SOURCE), cfile=str(folder / "queue.pyc"), doraise=True)
    with sqlite3.connect(folder / "stations.db") as database:
        database.execute("create table stations (name text, height integer)")
        database.executemany("insert into stations values (?, ?)", [("a", 1), ("b", 2)])
    with wave.open(str(folder / "tone.wav"), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(bytes(range(256)) * 64)
    (folder / "sizes.csv").write_text(
        "name,size\n" + "".join(f"f{n},{n * n}\n" for n in range(200))
    )
    (folder / "help.txt").write_text(
        subprocess.run(
            [sys.executable, "--help"], capture_output=True, text=True, check=True
        ).stdout
    )
    if openssl := shutil.which("openssl"):
        subprocess.run(
            [
                *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
                *("-subj", "/CN=demo", "-keyout", folder / "demo.key", "-out", folder / "demo.pem"),
            ],
            check=True,
            capture_output=True,
        )
        made.append(folder / "demo.pem")
    made += [
        folder / name
        for name in ("sources.tar", "sources.zip", "queue.pyc", "stations.db", "tone.wav")
    ]
    return [*made, folder / "sizes.csv", folder / "help.txt"]
