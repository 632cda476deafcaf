"""Runs the command of Jobs and init containers as a pod does, against a store of ours."""

import json
from collections.abc import Mapping
from pathlib import Path

from triton_operator.api.inspection import Report, decode_report
from triton_operator.api.model_profile import ModelFile
from triton_operator.model.__main__ import main
from triton_operator.model.digest import model_digest

HOST = "<HOST:PORT>"


class Command:
    """Folders of one pod; `secret` is mounted in it, with the store's `host` where it says HOST."""

    def __init__(self, folder: Path, secret: Mapping[str, str], host: str) -> None:
        self.credentials = folder / "credentials"
        self.work = folder / "work"
        self.into = folder / "repository" / "m" / "1"
        self.log = folder / "termination-log"
        for each in (self.credentials, self.work):
            each.mkdir(parents=True)
        self.log.touch()
        for key, text in secret.items():
            (self.credentials / key).write_text(text.replace(HOST, host))

    def shared(self, uri: str, endpoint: str | None) -> list[str]:
        words = [f"--uri={uri}", f"--credentials-dir={self.credentials}", f"--report={self.log}"]
        if endpoint is not None:
            words.append(f"--endpoint={endpoint}")
        return [*words, "--allow-loopback-http", "--timeout-seconds=60"]

    def inspect(self, uri: str, endpoint: str | None, *more: str) -> Report:
        main(["inspect", *self.shared(uri, endpoint), f"--work-dir={self.work}", *more])
        return decode_report(self.log.read_text())

    def fetch(self, uri: str, endpoint: str | None, files: list[ModelFile], *more: str) -> int:
        listed = json.dumps([file.wire() for file in files])
        named = [f"--files={listed}", f"--digest={model_digest(files)}", f"--into={self.into}"]
        return main(["fetch", *self.shared(uri, endpoint), *named, *more])

    def failure(self, uri: str, endpoint: str | None, *more: str) -> tuple[str, str, bool]:
        failure = self.inspect(uri, endpoint, *more).failure
        assert failure is not None
        return failure.reason, failure.message, failure.retryable
