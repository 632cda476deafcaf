"""etcd and kube-apiserver (and, if asked, kube-controller-manager) as ordinary processes.

    with ControlPlane() as control_plane:
        subprocess.run(["kubectl", "--kubeconfig", control_plane.kubeconfig, "get", "namespaces"])

No root and no node are needed; pods stay Pending. RBAC is on, storage does not fsync, everything
listens on one address. The native cluster uses the same class on the node's address.
"""

from __future__ import annotations

import shutil
import ssl
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e.harness import apirequest, kubeconfig, processes
from e2e.harness.binaries import ensure
from e2e.harness.errors import ComponentDiedError
from e2e.harness.pki import Authority, Pair, signing_keys
from e2e.harness.ports import free_ports
from e2e.harness.processes import Running
from e2e.harness.waiting import wait_until

START_TIMEOUT_SECONDS = 120.0
START_ATTEMPTS = 3
# With watches open, kube-apiserver drains for about 10 s after SIGTERM; nobody here waits for that.
DRAIN_SECONDS = 3.0
ISSUER = "https://kubernetes.default.svc"


class ControlPlane:
    """One control plane; start() and stop(), or a context manager.

    `directory`: where certificates, data and logs go (a temporary folder, removed at the end, by
    default).
    `address`: listens there; `secure_port` 0 means any free one. `service_cidr`/`service_ip`: the
    Service network and its first address. `detached`: the processes outlive this one (the native
    cluster, whose `down` runs later).
    """

    def __init__(
        self,
        *,
        controller_manager: bool = False,
        directory: Path | None = None,
        address: str = "127.0.0.1",
        secure_port: int = 0,
        service_cidr: str = "198.19.0.0/16",
        service_ip: str = "198.19.0.1",
        apiserver_flags: Sequence[str] = (),
        detached: bool = False,
        on_start: Callable[[Running], None] = lambda process: None,
        name: str = "control-plane",
    ) -> None:
        self.name = name
        self.address = address
        self.with_controller_manager = controller_manager
        self.service_cidr = service_cidr
        self.service_ip = service_ip
        self.extra_flags = tuple(apiserver_flags)
        self._wanted_port = secure_port
        self._detached = detached
        self._on_start = on_start
        self._temporary = directory is None
        self._directory = directory
        self._processes: dict[str, Running] = {}
        self._ports: list[int] = []

    # What a caller uses, once started.

    @property
    def directory(self) -> Path:
        """Folder of this control plane; logs are in its `log` folder."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="control-plane-"))
        return self._directory

    @property
    def url(self) -> str:
        """Base URL of the API server."""
        return f"https://{self.address}:{self._ports[2]}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.directory / "admin.kubeconfig"

    @property
    def ca(self) -> Path:
        """Certificate of the authority that signed the server's and all clients' certificates."""
        return self.authority.pair.cert

    @property
    def admin_cert(self) -> Path:
        """Client certificate in group system:masters."""
        return self.admin.cert

    @property
    def admin_key(self) -> Path:
        """Private key of admin_cert."""
        return self.admin.key

    @property
    def apiserver_pid(self) -> int:
        """Process id of the running kube-apiserver."""
        return self._processes["kube-apiserver"].pid

    @property
    def etcd_pid(self) -> int:
        """Process id of the running etcd."""
        return self._processes["etcd"].pid

    @property
    def processes(self) -> list[Running]:
        """All processes in the order of their start."""
        return list(self._processes.values())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until the API server is ready and the default namespace exists.

        Raises BinaryUnavailableError, ComponentDiedError, WaitTimeoutError; nothing is left running
        then.
        """
        names = ["etcd", "kube-apiserver"]
        names += ["kube-controller-manager"] if self.with_controller_manager else []
        self._binaries = {name: ensure(name) for name in names}
        try:
            self._make_credentials()
            for attempt in range(1, START_ATTEMPTS + 1):
                self._ports = [*free_ports(3), self._wanted_port]
                self._ports[2] = self._wanted_port or self._ports[2]
                try:
                    self._start_processes()
                    return
                except ComponentDiedError as error:
                    # A port may be taken between our look and the bind; the wanted one has no
                    # substitute.
                    if "address already in use" not in str(error) or attempt == START_ATTEMPTS:
                        raise
                    self._stop_processes()
                    shutil.rmtree(self.directory / "etcd", ignore_errors=True)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all processes, newest first; remove the folder if it is a temporary one."""
        self._stop_processes()
        if self._temporary and self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def restart_apiserver(self, *, kill: bool = False) -> None:
        """Stop kube-apiserver (`kill`: by SIGKILL) and start it again on the same port; waits until
        ready.
        """
        self.stop_apiserver(kill=kill)
        self.start_apiserver()

    def stop_apiserver(self, *, kill: bool = False) -> None:
        """Stop kube-apiserver (`kill`: by SIGKILL); nothing answers at its address."""
        server = self._processes["kube-apiserver"]
        server.kill() if kill else server.stop(DRAIN_SECONDS)

    def start_apiserver(self) -> None:
        """Start a stopped kube-apiserver on the same port; waits until ready."""
        self._start("kube-apiserver", self._apiserver_flags())
        self._await_ready()
        self._renew_controllers()

    def restart_etcd(self) -> None:
        """Kill etcd and start it again over its data; waits until the API server is ready."""
        self._processes["etcd"].kill()
        self._start("etcd", self._etcd_flags())
        self._await_ready()
        self._renew_controllers()

    def _renew_controllers(self) -> None:
        """Start the controllers anew: after some outages their watches wait for half a minute."""
        manager = self._processes.get("kube-controller-manager")
        if manager is not None:
            manager.stop(DRAIN_SECONDS)
            self._start("kube-controller-manager", self._controller_manager_flags())

    def client_kubeconfig(self, name: str, subject: str) -> Path:
        """A kubeconfig for another identity: `subject` as in Authority.issue."""
        pair = self.authority.issue(name, subject)
        target = self.directory / f"{name}.kubeconfig"
        return kubeconfig.write(target, name=self.name, url=self.url, ca=self.ca, client=pair)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """TLS context of the administrator."""
        return apirequest.client_context(self.ca, self.admin)

    # How it starts.

    def _make_credentials(self) -> None:
        folder = self.directory / "pki"
        self.authority = Authority.create(folder)
        self.front_proxy = Authority.create(folder, "front-proxy-ca")
        self.service_account = signing_keys(folder)
        self.admin: Pair = self.authority.issue("admin", "/O=system:masters/CN=admin")
        self.aggregator = self.front_proxy.issue("front-proxy-client", "/CN=front-proxy-client")
        addresses = {"127.0.0.1", self.address, self.service_ip}
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        self.serving = self.authority.issue(
            "kube-apiserver",
            "/CN=kube-apiserver",
            [f"IP:{a}" for a in sorted(addresses)]
            + [f"DNS:{n}" for n in (*names, "kubernetes.default.svc.cluster.local")],
        )

    def _start_processes(self) -> None:
        kubeconfig.write(
            self.kubeconfig, name=self.name, url=self.url, ca=self.ca, client=self.admin
        )
        # Both at once: kube-apiserver retries until etcd answers, and loading it takes longer than
        # etcd's start.
        self._start("etcd", self._etcd_flags())
        self._start("kube-apiserver", self._apiserver_flags())
        self._await_ready()
        if self.with_controller_manager:
            self._start("kube-controller-manager", self._controller_manager_flags())
            self._await(
                "the default ServiceAccount", "/api/v1/namespaces/default/serviceaccounts/default"
            )

    def _await_ready(self) -> None:
        self._await("kube-apiserver to be ready", "/readyz")
        # The system-namespaces controller makes it a moment after /readyz turns 200.
        self._await("the default namespace", "/api/v1/namespaces/default")

    def _await(self, what: str, path: str) -> None:
        wait_until(
            f"waiting for {what}",
            lambda: apirequest.get(self.url + path, self.tls)[0] == 200,
            timeout_seconds=START_TIMEOUT_SECONDS,
            needs=self.processes,
        )

    def _start(self, name: str, flags: Sequence[str]) -> None:
        self._processes[name] = processes.start(
            name,
            [self._binaries[name], *flags],
            self.directory / "log" / f"{name}.log",
            ends_with_us=not self._detached,
        )
        self._on_start(self._processes[name])

    def _stop_processes(self) -> None:
        for name in reversed(list(self._processes)):
            self._processes.pop(name).stop(DRAIN_SECONDS)

    def _etcd_flags(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._ports[:2])
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # The data dies with the cluster, and fsync dominates everything on a shared disk.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_flags(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports[0]}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}",
            f"--secure-port={self._ports[2]}",
            f"--tls-cert-file={self.serving.cert}",
            f"--tls-private-key-file={self.serving.key}",
            f"--client-ca-file={self.ca}",
            f"--kubelet-client-certificate={self.admin.cert}",
            f"--kubelet-client-key={self.admin.key}",
            f"--service-account-key-file={self.service_account.cert}",
            f"--service-account-signing-key-file={self.service_account.key}",
            f"--service-account-issuer={ISSUER}",
            f"--service-cluster-ip-range={self.service_cidr}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            # Else `kubectl logs` and `exec` try to resolve the node's name.
            "--kubelet-preferred-address-types=InternalIP",
            # The aggregation layer cannot be turned on later, and a metrics API needs it.
            f"--requestheader-client-ca-file={self.front_proxy.pair.cert}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={self.aggregator.cert}",
            f"--proxy-client-key-file={self.aggregator.key}",
            "--enable-aggregator-routing=true",
            *self.extra_flags,
        ]

    def _controller_manager_flags(self) -> list[str]:
        identity = self.client_kubeconfig(
            "kube-controller-manager", "/CN=system:kube-controller-manager"
        )
        return [
            f"--kubeconfig={identity}",
            f"--service-account-private-key-file={self.service_account.key}",
            f"--root-ca-file={self.ca}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--allocate-node-cidrs=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_ports(1)[0]}",
        ]
