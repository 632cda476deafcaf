"""A throw-away certificate authority per cluster, made with the openssl command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.commands import run

DAYS = "3650"
_EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """A CA in a folder; `issue` puts the certificates it signs beside it."""

    pair: Pair

    @classmethod
    def create(cls, folder: Path, name: str = "ca") -> Authority:
        """A new self-signed CA `name`.crt, `name`.key."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
        # fmt: off
        run([
            "openssl", "req", "-x509", *_EC_KEY, "-days", DAYS,
            "-subj", f"/CN=triton-operator-{name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
            "-keyout", pair.key, "-out", pair.cert,
        ])
        # fmt: on
        return cls(pair)

    def issue(self, name: str, subject: str, alternative_names: Sequence[str] = ()) -> Pair:
        """A certificate for clients and servers.

        `subject` in openssl's form (`/O=group/CN=user`: Kubernetes reads O as groups, CN as the
        user);
        `alternative_names` such as `IP:127.0.0.1`, `DNS:localhost`.
        """
        folder = self.pair.cert.parent
        pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        lines = ["extendedKeyUsage=serverAuth,clientAuth"]
        if alternative_names:
            lines.append("subjectAltName=" + ",".join(alternative_names))
        extensions.write_text("\n".join(lines) + "\n")
        # fmt: off
        run([
            "openssl", "req", *_EC_KEY, "-subj", subject, "-keyout", pair.key, "-out", request,
        ])
        run([
            "openssl", "x509", "-req", "-in", request, "-days", DAYS,
            "-CA", self.pair.cert, "-CAkey", self.pair.key, "-CAcreateserial",
            "-extfile", extensions, "-out", pair.cert,
        ])
        # fmt: on
        request.unlink()
        extensions.unlink()
        return pair


def signing_keys(folder: Path) -> Pair:
    """The key pair that signs service-account tokens; `cert` is the bare public key."""
    pair = Pair(folder / "service-account.pub", folder / "service-account.key")
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pair.key])
    run(["openssl", "ec", "-in", pair.key, "-pubout", "-out", pair.cert])
    return pair
