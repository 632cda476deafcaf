"""A copy as objects below one key, in Amazon S3 and in everything that speaks its protocol.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
"""

from pathlib import Path

from triton_operator.api.copy_store import FIELD
from triton_operator.api.model_profile import ModelFile
from triton_operator.model import reasons
from triton_operator.model.addresses import quoted, stored_object
from triton_operator.model.authorization import Refusal
from triton_operator.model.connection import Connection
from triton_operator.model.copies.upload import CopyFiles, Upload
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused
from triton_operator.model.http_answers import Broken, content_range
from triton_operator.model.receiving import Deadline
from triton_operator.model.s3_signing import S3Authorization
from triton_operator.model.s3_source import FORM, bucket_root, s3_keys
from triton_operator.model.secret_files import SecretFiles

MOST_BYTES = 5 << 30
"""What one PUT may have at Amazon; more needs an upload in parts."""
_TAKEN_MEANWHILE = 412
_BEING_WRITTEN = 409
_NO_CONDITIONS = 501


class S3CopyUpload:
    """The place whose model file has the address `uri`.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self,
        uri: str,
        endpoint: str | None,
        secret: SecretFiles,
        around: Conditions,
        deadline: Deadline,
    ) -> None:
        self._object = stored_object(uri, FORM)
        region = secret.word("AWS_REGION")
        self._root = bucket_root(self._object, uri, endpoint, region, around.network)
        self._authorization = S3Authorization(s3_keys(secret), region, around.now)
        self._upload = Upload(self._root, around, deadline)
        self._looking = self._upload.connection(self._authorization)
        self._conditions = True

    def put(self, files: CopyFiles) -> None:
        """See `CopyUpload.put`. The model file is last: whoever finds it finds the others."""
        for _, row in files:
            if row.size_bytes > MOST_BYTES:
                raise SourceRefused(
                    reasons.MODEL_TOO_LARGE,
                    f"'{row.path}' of the copy has {row.size_bytes} bytes, and one upload to S3 "
                    f"takes {MOST_BYTES}: use an oci:// store in {FIELD}, or "
                    "spec.model.cacheClaimName",
                )
        main, *others = files
        for file, row in others:
            self._put(file, row, row.path)
        self._put(*main, None)

    def _put(self, file: Path, row: ModelFile, path: str | None) -> None:
        url = f"{self._root}/{quoted(self._object.key_of(path))}"
        if self._upload.tried(url, lambda: self._is_there(url, row)):
            self._upload.say(f"{url} is there already")
            return
        authorization = self._authorization.putting(row.digest.removeprefix("sha256:"))
        connection = self._upload.connection(authorization)
        self._upload.tried(url, lambda: self._send(connection, url, file, row))
        self._upload.say(f"{url} has {row.size_bytes} bytes")

    def _is_there(self, url: str, row: ModelFile) -> bool:
        """Asks for one byte, as the answer to HEAD would not say which region is wanted."""
        answer = self._upload.send(self._looking, "GET", url, {"Range": "bytes=0-0"})
        if isinstance(answer, Refusal):
            # Who may not list a bucket is told 403 of a key that is not there, too.
            if answer.status in (403, 404):
                return False
            raise self._upload.refusal(answer, url, self._looking)
        part = content_range(answer.headers)
        if part is not None and part[1] not in (None, row.size_bytes):
            raise SourceRefused(
                reasons.DIGEST_MISMATCH,
                f"{url} has {part[1]} bytes, and the copy's file has {row.size_bytes}: delete it "
                "there, nothing overwrites it",
            )
        return True

    def _send(self, connection: Connection, url: str, file: Path, row: ModelFile) -> None:
        headers = {
            "Content-Length": str(row.size_bytes),
            "Content-Type": "application/octet-stream",
        }
        if self._conditions:
            headers["If-None-Match"] = "*"
        answer = self._upload.send(
            connection, "PUT", url, headers, lambda: self._upload.pieces(file)
        )
        if not isinstance(answer, Refusal) or answer.status == _TAKEN_MEANWHILE:
            return
        if answer.status == _NO_CONDITIONS and self._conditions:
            # An older store; that nothing was there has just been seen.
            self._conditions = False
            self._send(connection, url, file, row)
            return
        if answer.status == _BEING_WRITTEN:
            raise Broken("somebody else writes it")
        raise self._upload.refusal(answer, url, connection)
