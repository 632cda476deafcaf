"""How fast and how cheaply the operator follows a burst of InferenceServices.

    python -m bench.reconcile [--services 1000] [--concurrency 16] …

A real etcd and kube-apiserver run (no kubelet, no kube-controller-manager), with the CRDs and one
ModelProfile in them, made from a real model file. The operator runs as a process of its own, as it
runs in a pod, and watches all namespaces. Every service pins the profile's digest, so nothing is
fetched: what is measured is the way from a spec to its Deployment.

What the figures mean:

- `total_seconds`: the first create is sent → the last Deployment is seen by a watcher that has a
  connection of its own.
- `p50_seconds`, `p99_seconds`: per service, create answered → its Deployment seen. In a burst this
  is mostly waiting behind the others.
- `change_p99_seconds`: with all services there and quiet, one spec is edited: edit sent → the
  Deployment's changed pod template seen. One at a time, each on another service.
- `cpu_seconds`: CPU of the operator's process (user and system) over the burst until quiet.
- `peak_rss_mib`: VmHWM of the operator's process at the end of everything.
- `rest_cpu_seconds_per_minute`, `rest_writes_per_minute`: while nothing changes. Writes are counted
  by the API server, in `apiserver_request_total`: every verb but reads and watches, whoever sent
  it. Left out are Leases and endpoints, which the API server keeps for itself.

Quiet means that for two seconds the API server counted no write, and that the operator has no key
waiting and none in work.
"""
