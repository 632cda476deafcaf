"""Where tools come from."""

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from e2e.harness import releases
from e2e.harness.binaries import ensure, same_minor
from e2e.harness.errors import BinaryUnavailableError
from e2e.harness.gobuild import keda_go_mod, kubernetes_go_mod
from e2e.harness.releases import Release, checksum_in, release_of
from e2e.harness.versions import BUILT_ONLY, TOOLS

UPSTREAM = """\
module k8s.io/kubernetes

go 1.26.0

require (
	k8s.io/api v0.0.0
	k8s.io/utils v0.0.0-2026
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubelet => ./staging/src/k8s.io/kubelet
)
"""


def test_staging_modules_are_replaced_by_their_releases():
    assert kubernetes_go_mod(UPSTREAM, "1.36.3") == (
        "module controlplane\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.36.3\n\n"
        "replace (\n\tk8s.io/api => k8s.io/api v0.36.3\n"
        "\tk8s.io/kubelet => k8s.io/kubelet v0.36.3\n)\n"
    )


def test_what_kedas_module_replaces_is_replaced_in_ours():
    upstream = (
        "module github.com/kedacore/keda/v2\n\ngo 1.26.0\n\n// Needed replaces\n"
        "replace example.com/a v0.1.0 => example.com/a v0.1.1-0.2026-abc\n\n"
        "exclude example.com/c v5.2.3\n\nrequire (\n\texample.com/a v0.1.0\n)\n"
    )

    assert keda_go_mod(upstream, "2.21.0") == (
        "module keda\n\ngo 1.26.0\n\nrequire github.com/kedacore/keda/v2 v2.21.0\n\n"
        "replace example.com/a v0.1.0 => example.com/a v0.1.1-0.2026-abc\n"
    )


@pytest.mark.parametrize(
    ("answer", "wanted", "same"),
    [
        ("Kubernetes v1.36.0", "1.36.3", True),
        ("Kubernetes v1.35.3", "1.36.3", False),
        ("etcd Version: 3.4.23\nGit SHA: 1.2", "3.6.8", False),
        ("no version at all", "1.36.3", False),
    ],
)
def test_a_tool_on_path_must_have_the_same_minor_version(answer, wanted, same):
    assert same_minor(answer, wanted) is same


def test_an_assets_folder_wins(tmp_path, monkeypatch):
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

    assert ensure("etcd") == tmp_path / "etcd"


def test_an_unknown_tool_is_an_error_that_lists_the_known():
    with pytest.raises(BinaryUnavailableError, match="kube-apiserver"):
        ensure("kube-apisever")


@pytest.mark.parametrize("tool", sorted(set(TOOLS) - BUILT_ONLY))
def test_every_release_is_of_the_pinned_version(tool):
    release = release_of(tool, TOOLS[tool], "x86_64")

    assert release is not None
    assert TOOLS[tool] in release.url
    assert "amd64" in release.url


def test_no_release_for_an_unknown_processor():
    assert release_of("etcd", TOOLS["etcd"], "riscv64") is None


@pytest.mark.parametrize(
    ("listing", "found"),
    [
        ("ABC\n", "abc"),
        ("111  x.tar.gz\n222  ./y.tar.gz\n", "222"),
        ("111 *y.tar.gz\n", "111"),
        ("111  x.tar.gz\n", None),
        ("<html>not found</html>\nlines\n", None),
    ],
)
def test_checksum_files_come_in_several_forms(listing, found):
    assert checksum_in(listing, "y.tar.gz") == found


@pytest.fixture
def server(tmp_path, monkeypatch):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    monkeypatch.setattr(releases, "_closed_because", [])
    served = tmp_path / "served"
    served.mkdir()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served))
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield served, f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def publish(served, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("folder/tool")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    (served / "tool.tar.gz").write_bytes(buffer.getvalue())
    return buffer.getvalue()


def test_a_download_is_installed_executable(server, tmp_path):
    served, url = server
    digest = hashlib.sha256(publish(served, b"#!/bin/sh\n")).hexdigest()
    (served / "sums").write_text(f"{digest}  tool.tar.gz\n")
    target = tmp_path / "bin" / "tool-1"

    releases.download(Release(f"{url}/tool.tar.gz", f"{url}/sums", "folder/tool"), target)

    assert target.read_bytes() == b"#!/bin/sh\n"
    assert target.stat().st_mode & 0o111


def test_a_wrong_checksum_installs_nothing(server, tmp_path):
    served, url = server
    publish(served, b"tampered")
    (served / "sums").write_text(f"{'0' * 64}  tool.tar.gz\n")
    target = tmp_path / "tool-1"

    with pytest.raises(BinaryUnavailableError, match="sha256"):
        releases.download(Release(f"{url}/tool.tar.gz", f"{url}/sums", "folder/tool"), target)
    assert not target.exists()


def test_a_closed_machine_is_asked_once(monkeypatch, tmp_path):
    monkeypatch.setattr(releases, "_closed_because", [])
    asked = []

    def refuse(url, timeout):
        asked.append(url)
        raise OSError("network is unreachable")

    monkeypatch.setattr(releases.urllib.request, "urlopen", refuse)
    for _ in range(2):
        with pytest.raises(BinaryUnavailableError, match="unreachable"):
            releases.download(Release("https://x/tool", "https://x/sum"), tmp_path / "tool")

    assert len(asked) == 1
