"""Builds images without a Docker engine, in a storage of our own (root only)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from e2e.harness import apt, mounts, paths
from e2e.harness.commands import run, stream
from e2e.harness.errors import CommandFailedError, NotPermittedError

BUILD_TIMEOUT_SECONDS = 1800.0


class Buildah:
    """The buildah command bound to our storage, which is a cache and may be deleted."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise NotPermittedError(
                "building images without a Docker engine needs root (debootstrap, buildah)"
            )
        apt.ensure_commands(["buildah", "debootstrap"])
        self._root = paths.cache_root() / "buildah"
        folders = (f"--root={self._root / 'storage'}", f"--runroot={self._root / 'run'}")
        self._options = (*folders, "--storage-driver=overlay")

    def call(self, *words: str | Path) -> str:
        """Run one buildah command; its stdout."""
        argv = ["buildah", *self._options, *words]
        return run(argv, timeout_seconds=BUILD_TIMEOUT_SECONDS).strip()

    def has(self, reference: str) -> bool:
        """Whether the storage holds an image of this name."""
        with suppress(CommandFailedError):
            self.call("inspect", "--type", "image", "--format", "{{.FromImageID}}", reference)
            return True
        return False

    def build(
        self,
        dockerfile: Path,
        context: Path,
        reference: str,
        arguments: Mapping[str, str],
        on_line: Callable[[str], None],
    ) -> None:
        """Build a Dockerfile. Raises CommandFailedError with the end of the build's output."""
        # Layers are kept: a changed last COPY then neither rebuilds nor re-imports the big ones.
        # fmt: off
        argv: list[str | Path] = [
            "nice", "buildah", *self._options, "bud", "--isolation", "chroot", "--layers",
            *(f"--build-arg={key}={value}" for key, value in arguments.items()),
            "-f", dockerfile, "-t", reference, context,
        ]
        # fmt: on
        stream(
            argv,
            timeout_seconds=BUILD_TIMEOUT_SECONDS,
            log=paths.state_root() / "images" / f"{dockerfile.parent.name}.log",
            on_line=on_line,
        )

    def commit_root_filesystem(self, archive: Path, reference: str) -> None:
        """An image whose only layer is the tar file `archive`."""
        container = self.call("from", "scratch")
        try:
            self.call("add", "--quiet", container, archive, "/")
            path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            self.call("config", "--env", path, "--cmd", "bash", container)
            self.call("commit", "--quiet", container, reference)
        finally:
            self.call("rm", container)

    def commit_entrypoint(self, base: str, entrypoint: str, reference: str) -> None:
        """An image that is `base` with another entrypoint (a JSON list)."""
        container = self.call("from", "--pull-never", base)
        try:
            self.call("config", "--entrypoint", entrypoint, "--cmd", "", container)
            self.call("commit", "--quiet", container, reference)
        finally:
            self.call("rm", container)

    def export(self, reference: str, archive: Path) -> None:
        """Write the image as one tar file, atomically.

        In Docker's format, whose layers are not compressed: that is written and imported faster
        than OCI's.
        """
        partial = archive.with_name(f".{archive.name}.{os.getpid()}")
        partial.unlink(missing_ok=True)
        try:
            destination = f"docker-archive:{partial}:{reference}"
            self.call("push", "--quiet", reference, destination)
            partial.rename(archive)
        finally:
            partial.unlink(missing_ok=True)

    def forget(self, repository: str, keep: str) -> None:
        """Remove the images of `repository` except the reference `keep`."""
        listed = self.call("images", "--quiet=false", "--format", "{{.Name}}:{{.Tag}}")
        for name in listed.split():
            if name.startswith(f"{repository}:") and name != keep:
                with suppress(CommandFailedError):  # still the base of something
                    self.call("rmi", name)

    def close(self) -> None:
        """Unmount what the storage driver keeps mounted between calls."""
        mounts.unmount_below(self._root)
