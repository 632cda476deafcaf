"""`oci://REGISTRY/REPOSITORY@sha256:DIGEST`: an artifact in a container registry.

The digest is the manifest's. Each layer is a file, named by its title annotation, as `oras push`
writes it; archives are not unpacked. Everything read is checked against the manifest, and the
manifest against the address.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triton_operator.api.copy_address import TITLE
from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.addresses import malformed
from triton_operator.model.connection import checked_address
from triton_operator.model.digest import MODEL_FILE_NAME
from triton_operator.model.docker_config import registry_user
from triton_operator.model.download import Conditions, Download
from triton_operator.model.errors import SourceRefused
from triton_operator.model.network import LOOPBACK, Network
from triton_operator.model.oci_token import RegistryAuthorization
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles
from triton_operator.model.small_answers import small_answer

FORM = "oci://REGISTRY/REPOSITORY@sha256:DIGEST"

_ADDRESS = re.compile(
    r"oci://(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?)/"
    r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MANIFEST_BYTES = 4 << 20
"""What registries have to take, and so what a manifest can have."""
_ARCHIVES = ("tar", "gzip", "zstd")
_HOSTS = {"docker.io": "registry-1.docker.io"}
"""Names that people write for registries that answer elsewhere."""


class _Layer(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    media_type: str = Field("", alias="mediaType")
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    size: int = Field(ge=0)
    annotations: dict[str, str] | None = None

    @property
    def title(self) -> str | None:
        return (self.annotations or {}).get(TITLE)


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    layers: list[_Layer] = Field(max_length=4096)


@dataclass(frozen=True)
class Artifact:
    """An artifact at a registry: `url` is its repository's, at the registry's `root`."""

    root: str
    url: str
    host: str
    name: str
    digest: str


def artifact_at(uri: str, network: Network) -> Artifact:
    """The parts of an address of the form FORM.

    Raises:
        SourceRefused: `UnsupportedSource`.
    """
    found = _ADDRESS.fullmatch(uri)
    if found is None:
        raise malformed(uri, FORM)
    host, name = found["host"].lower(), found["name"]
    if host in _HOSTS and "/" not in name:
        name = f"library/{name}"
    # Only tests let this machine's own registries answer without TLS.
    local = network.loopback_http and host.partition(":")[0] in LOOPBACK
    root = f"{'http' if local else 'https'}://{_HOSTS.get(host, host)}"
    url = f"{checked_address(root, network)}/v2/{name}"
    return Artifact(root, url, host, name, found["digest"])


class OciSource:
    """The model in the artifact at `uri`: its layer titled `model.onnx`, or the only `.onnx` one.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(self, uri: str, secret: SecretFiles, around: Conditions) -> None:
        self._uri = uri
        artifact = artifact_at(uri, around.network)
        self._digest, self._url = artifact.digest, artifact.url
        user = registry_user(secret, artifact.host, artifact.name)
        authorization = RegistryAuthorization(user, artifact.name, around)
        self._download = Download(artifact.root, authorization, around)
        self._manifest: _Manifest | None = None

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one layer; see `Source.read`."""
        if self._manifest is None:
            self._manifest = self._read_manifest(into)
        layer = self._model_layer() if path is None else self._layer(path)
        name = f"the layer '{layer.title or layer.digest}' of {self._uri}"
        if layer.media_type.rpartition("+")[2] in _ARCHIVES or ".tar" in layer.media_type:
            raise SourceRefused(
                reasons.SOURCE_MISBEHAVES,
                f"{name} is an archive ({layer.media_type}); push the file itself: "
                "`oras push REPOSITORY:TAG model.onnx`",
            )
        into.promise(ModelFile(path=into.name, digest=layer.digest, size_bytes=layer.size), name)
        self._download.read(f"{self._url}/blobs/{layer.digest}", into)

    def _read_manifest(self, into: Receiver) -> _Manifest:
        data = small_answer(
            self._download,
            f"{self._url}/manifests/{self._digest}",
            "manifest",
            most_bytes=_MANIFEST_BYTES,
            deadline=into.deadline,
            headers={"Accept": ", ".join(_MANIFESTS)},
        )
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != self._digest:
            raise SourceRefused(
                reasons.DIGEST_MISMATCH, f"the registry sends another manifest for {self._uri}"
            )
        try:
            return _Manifest.model_validate_json(data)
        except ValidationError as error:
            raise SourceRefused(
                reasons.SOURCE_MISBEHAVES,
                f"{self._uri} is no manifest with layers; an index lists several: name one of "
                "its manifests",
            ) from error

    def _model_layer(self) -> _Layer:
        assert self._manifest is not None
        layers = self._manifest.layers
        named = [layer for layer in layers if layer.title == MODEL_FILE_NAME]
        ending = [layer for layer in layers if (layer.title or "").endswith(".onnx")]
        for found in (named, ending, layers):
            if len(found) == 1:
                return found[0]
        raise self._missing(f"layer titled '{MODEL_FILE_NAME}'")

    def _layer(self, path: str) -> _Layer:
        assert self._manifest is not None
        # A file beside the model is beside it in the artifact as well.
        folder = PurePosixPath(self._model_layer().title or MODEL_FILE_NAME).parent
        wanted = str(folder / path)
        found = [layer for layer in self._manifest.layers if layer.title == wanted]
        if len(found) != 1:
            raise self._missing(f"layer titled '{wanted}'")
        return found[0]

    def _missing(self, what: str) -> SourceRefused:
        assert self._manifest is not None
        titles = sorted(layer.title or layer.digest[:19] for layer in self._manifest.layers)
        more = ", …" if len(titles) > 5 else ""
        return SourceRefused(
            reasons.SOURCE_NOT_FOUND,
            f"{self._uri} has not exactly one {what} ({', '.join(titles[:5]) or 'no layer'}{more})",
        )
