"""A real Triton on this machine, without a cluster: the server, backend and libraries of our image
for CPUs, laid out in a folder of the cache.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from e2e.harness.fingerprint import files_below, fingerprint
from e2e.harness.paths import REPOSITORY, cache_root
from e2e.harness.ports import free_ports
from e2e.harness.processes import start
from e2e.harness.waiting import wait_until

CONTEXT = REPOSITORY / "images" / "triton-cpu" / "context.py"
START_SECONDS = 60.0


def triton_folder() -> Path:
    """The folder with `bin/tritonserver`, `lib/` and `backends/`, made if it is not there."""
    told = subprocess.run(
        [sys.executable, CONTEXT, "--inputs"], check=True, capture_output=True, text=True
    )
    key = fingerprint(REPOSITORY, files_below(REPOSITORY, told.stdout.split()))
    folder = cache_root() / "triton" / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        context = Path(scratch, "context")
        subprocess.run([sys.executable, CONTEXT, context], check=True)
        made = context / "tritonserver"
        backend = made / "backends" / "onnxruntime"
        shutil.copytree(context / "backends" / "onnxruntime", backend)
        # In the image these are in the system's own folder. The stub looks there, and beside the
        # backend's model.py, and nowhere else.
        for package in (context / "site").iterdir():
            package.rename(backend / package.name)
        with contextlib.suppress(OSError):  # somebody else was faster; theirs is the same
            made.rename(folder)
    return folder


FLAGS = (
    "--http-address=127.0.0.1",
    "--allow-grpc=false",
    "--allow-metrics=false",
    "--disable-auto-complete-config",
    "--exit-on-error=false",
    "--strict-readiness=false",
    "--exit-timeout-secs=5",
)


@contextlib.contextmanager
def running_triton(
    repository: Path,
    log: Path,
    ready: str | None,
    flags: Sequence[str] = FLAGS,
    *,
    confined: Sequence[str] = (),
    backends: Path | None = None,
) -> Iterator[str]:
    """`http://127.0.0.1:PORT` of a Triton with these models, once the model `ready` is.

    The last flag of a name counts, so that those for this machine come after `flags`. `confined`:
    words before the command that keep it to its cores, see `cpuset`; none: it has all. `backends`:
    a folder of others than its own.
    """
    home = triton_folder()
    (port,) = free_ports(1)
    command: list[str | Path] = [
        *confined,
        home / "bin" / "tritonserver",
        *flags,
        f"--model-repository={repository}",
        f"--backend-directory={backends or home / 'backends'}",
        f"--http-port={port}",
        # Servers on one machine share /dev/shm.
        f"--backend-config=python,shm-region-prefix-name=test-{os.getpid()}-{port}",
    ]
    env = {"LD_LIBRARY_PATH": str(home / "lib"), "PATH": os.environ["PATH"]}
    server = start("tritonserver", command, log, env=env, ends_with_us=True)
    try:
        if ready is not None:
            wait_until(
                f"model {ready} to be loaded",
                lambda: _answers(f"http://127.0.0.1:{port}/v2/models/{ready}/ready"),
                timeout_seconds=START_SECONDS,
                needs=[server],
            )
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def put_model(repository: Path, name: str, model: Path, configs: Mapping[str, str]) -> None:
    """A model with its config, as pods have them."""
    folder = repository / name / "1"
    folder.mkdir(parents=True)
    shutil.copyfile(model, folder / "model.onnx")
    for file, text in configs.items():
        (folder.parent / file).write_text(text)


def _answers(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
