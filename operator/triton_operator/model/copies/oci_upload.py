"""A copy as an artifact in a container registry: a layer for each file, and a manifest.

https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#push
"""

import hashlib
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, urljoin

from triton_operator.api.copy_address import EMPTY_CONFIG, MANIFEST_TYPE, copy_manifest, copy_tag
from triton_operator.model import reasons
from triton_operator.model.authorization import Refusal
from triton_operator.model.connection import Body, checked_address
from triton_operator.model.copies.upload import CopyFiles, Upload
from triton_operator.model.digest import model_digest
from triton_operator.model.docker_config import registry_user
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused
from triton_operator.model.oci_source import artifact_at
from triton_operator.model.oci_token import RegistryAuthorization
from triton_operator.model.receiving import Deadline
from triton_operator.model.secret_files import SecretFiles


class OciCopyUpload:
    """The place of the artifact at `uri`.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self, uri: str, secret: SecretFiles, around: Conditions, deadline: Deadline
    ) -> None:
        self._artifact = artifact_at(uri, around.network)
        user = registry_user(secret, self._artifact.host, self._artifact.name)
        self._authorization = RegistryAuthorization(user, self._artifact.name, around)
        self._upload = Upload(self._artifact.root, around, deadline)
        self._connection = self._upload.connection(self._authorization)
        self._network = around.network

    def put(self, files: CopyFiles) -> None:
        """See `CopyUpload.put`. The manifest is last: a registry takes none without its layers.

        The right to push is asked for only where the copy is missing: registries refuse it as a
        whole to users that may only pull.
        """
        rows = [row for _, row in files]
        manifests = f"{self._artifact.url}/manifests"
        wanted = f"{manifests}/{self._artifact.digest}"
        if self._is_found(wanted):
            self._upload.say(f"{wanted} is there already")
            return
        self._connection = self._upload.connection(self._authorization.pushing())
        config = f"sha256:{hashlib.sha256(EMPTY_CONFIG).hexdigest()}"
        self._put_blob(config, len(EMPTY_CONFIG), lambda: EMPTY_CONFIG)
        for file, row in files:
            self._put_blob(row.digest, row.size_bytes, partial(self._upload.pieces, file))
        tagged = f"{manifests}/{copy_tag(model_digest(rows))}"
        manifest = copy_manifest(rows)
        self._upload.tried(
            tagged,
            lambda: self._send("PUT", tagged, MANIFEST_TYPE, len(manifest), lambda: manifest),
        )
        self._upload.say(f"{tagged} is {self._artifact.digest}")

    def _is_found(self, manifest: str) -> bool:
        try:
            return self._is_there(manifest, {"Accept": MANIFEST_TYPE})
        except SourceRefused as error:
            # As some do of a repository that the first upload makes. If it is more, that will say.
            self._upload.say(f"{error.failure.message}; whether the copy is there is not known")
            return False

    def _put_blob(self, digest: str, size: int, body: Callable[[], Body]) -> None:
        url = f"{self._artifact.url}/blobs/{digest}"
        if self._is_there(url, {}):
            self._upload.say(f"{url} is there already")
            return
        self._upload.tried(url, lambda: self._send_blob(digest, size, body))
        self._upload.say(f"{url} has {size} bytes")

    def _is_there(self, url: str, headers: dict[str, str]) -> bool:
        def asked() -> bool:
            answer = self._upload.send(self._connection, "HEAD", url, headers)
            if isinstance(answer, Refusal) and answer.status != 404:
                raise self._upload.refusal(answer, url, self._connection)
            return not isinstance(answer, Refusal)

        return self._upload.tried(url, asked)

    def _send_blob(self, digest: str, size: int, body: Callable[[], Body]) -> None:
        start = f"{self._artifact.url}/blobs/uploads/"
        where = self._send("POST", start, None, 0, lambda: b"")
        if not where:
            raise SourceRefused(
                reasons.SOURCE_MISBEHAVES, f"{start} takes an upload, but does not say where"
            )
        target = checked_address(urljoin(start, where), self._network)
        mark = "&" if "?" in target else "?"
        named = f"{target}{mark}digest={quote(digest, safe='')}"
        self._send("PUT", named, "application/octet-stream", size, body)

    def _send(
        self, method: str, url: str, type_: str | None, size: int, body: Callable[[], Body]
    ) -> str | None:
        """Where the registry says that to go on."""
        headers = {"Content-Length": str(size), **({"Content-Type": type_} if type_ else {})}
        answer = self._upload.send(self._connection, method, url, headers, body)
        if isinstance(answer, Refusal):
            raise self._upload.refusal(answer, url, self._connection)
        return answer.headers.get("Location")
