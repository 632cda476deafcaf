"""Where the kubeconfig that leads to the hub is kept, and a renewed token is written to."""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from pathlib import Path

from triton_operator.agent.link import Connector
from triton_operator.agent.member import FIELD_MANAGER, REQUEST_SECONDS
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.controllers.kinds import Kind
from triton_operator.fleet.agent_token import life_of, token_in, with_token

SECRET = Kind("Secret", "", "v1", "secrets")


class NotKept(Exception):
    """A token cannot be written down; the text says where, why, and what to do."""


class TokenFile:
    """The file itself, for an agent that is started by hand."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def keep(self, used: str, token: str) -> None:
        """Replace it in the file, whole or not at all. `used`: the token that is replaced.

        Raises:
            NotKept: it could not be written, or has another token by now.
        """
        await asyncio.to_thread(self._keep, used, token)

    def _keep(self, used: str, token: str) -> None:
        try:
            text = _replaced(self._path.read_text(encoding="utf-8"), used, token)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except (OSError, ValueError) as error:
            raise NotKept(
                f"{self._path}: {error}; where it is mounted from a Secret, name that with "
                "--hub-secret"
            ) from error


class TokenSecret:
    """A key of a Secret in the member, which the file is mounted from."""

    def __init__(self, connect: Connector, namespace: str, name: str, key: str) -> None:
        self._connect = connect
        self._namespace, self._name, self._key = namespace, name, key

    async def keep(self, used: str, token: str) -> None:
        """Replace it in the Secret; whoever else writes it meanwhile wins.

        Raises:
            NotKept: it could not be written, or has another token by now.
        """
        where = f"Secret {self._namespace}/{self._name}, key {self._key}"
        try:
            connection = await self._connect()
            try:
                server = ApiServer(
                    connection, timeout_seconds=REQUEST_SECONDS, field_manager=FIELD_MANAGER
                )
                await self._write(server, used, token)
            finally:
                await connection.session.close()
        except (ApiError, OSError, ValueError) as error:
            raise NotKept(f"{where}: {error}") from error

    async def _write(self, server: ApiServer, used: str, token: str) -> None:
        found = await server.get(SECRET, self._namespace, self._name)
        data = (found or {}).get("data") or {}
        if found is None or self._key not in data:
            raise ValueError("it does not exist")
        text = _replaced(base64.b64decode(data[self._key]).decode(), used, token)
        version = found["metadata"]["resourceVersion"]
        change = {
            "metadata": {"resourceVersion": version},
            "data": {self._key: base64.b64encode(text.encode()).decode()},
        }
        await server.merge(SECRET, self._namespace, self._name, change)


Store = TokenFile | TokenSecret


def _replaced(kubeconfig: str, used: str, token: str) -> str:
    """What is there, with `token` in the place of `used`: somebody may have changed the address.

    Raises:
        ValueError: it has no token, or somebody has put another one there meanwhile, which holds
            longer than the used one.
    """
    there = token_in(kubeconfig)
    life, own = life_of(there or ""), life_of(used)
    if there != used and life is not None and own is not None and life.expires_at > own.expires_at:
        raise ValueError("it has a newer token already, which is read as soon as it is mounted")
    return with_token(kubeconfig, token)
