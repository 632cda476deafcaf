"""A store of models over HTTPS on an address that pods reach, under an authority of its own."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def https_store(
    folder: Path, certificates: Path, host: str, refused: Mapping[str, int] | None = None
) -> Iterator[tuple[str, Path]]:
    """`(https://host:port, ca.crt)` of a server for the files in `folder`.

    `refused`: paths that are answered with this status instead; 0: not at all.
    """
    over = threading.Event()
    ca, cert, key = (certificates / name for name in ("ca.crt", "server.crt", "server.key"))
    certify(certificates, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)  # type: ignore[arg-type]

        def do_GET(self) -> None:
            status = (refused or {}).get(self.path)
            if status is None:
                super().do_GET()
            elif status:
                self.send_error(status)
            else:
                over.wait()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer((host, 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"https://{host}:{server.server_address[1]}", ca
        finally:
            over.set()
            server.shutdown()
            thread.join()


def certify(folder: Path, host: str) -> None:
    """Write an authority (ca.crt) and, signed by it, server.crt and server.key for `host`."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(
        *(*new, "-x509", "-days", "2", "-subj", "/CN=store-ca"),
        *("-keyout", "ca.key", "-out", "ca.crt"),
    )
    openssl(*new, *("-subj", "/CN=store", "-keyout", "server.key", "-out", "server.csr"))
    (folder / "names").write_text(f"subjectAltName=IP:{host}\n")
    openssl(
        *("x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-out", "server.crt", "-extfile", "names"),
    )
