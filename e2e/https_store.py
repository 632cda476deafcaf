"""A store of models over HTTPS on an address that pods reach, under an authority of its own."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

BEGINNING = bytes(100_000)
"""What comes of a file that stalls: half of what is announced."""


@contextmanager
def https_store(
    folder: Path,
    certificates: Path,
    host: str,
    refused: Mapping[str, int] | None = None,
    stalled: Collection[str] = (),
) -> Iterator[tuple[str, Path]]:
    """`(https://host:port, ca.crt)` of a server for the files in `folder`.

    `refused`: paths that are answered with this status instead. `stalled`: paths of which the
    beginning comes, and nothing more until the server ends.
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
            if self.path in stalled:
                self.send_response(200)
                self.send_header("Content-Length", str(2 * len(BEGINNING)))
                self.end_headers()
                self.wfile.write(BEGINNING)
                self.wfile.flush()
                over.wait()
            elif status := (refused or {}).get(self.path):
                self.send_error(status)
            else:
                super().do_GET()

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
