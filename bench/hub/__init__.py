"""Whether one hub follows hundreds of clusters: how soon a change is in force, and what that costs.

    python -m bench.hub [--members 500] [--seconds 60] …

A real etcd and kube-apiserver run (no controller manager), and the real `triton-operator hub` as a
process of its own, as in a pod. Each InferenceCluster has its mailbox. Its member is, but for a
few, simulated in this process: the agent's own heartbeat and reports (`triton_operator.agent`),
over what a service in the member would say, 0.1 to 0.5 s after its work has changed. The others are
whole agents, with the hub's API server as that of their cluster too.

Where it is not as in a fleet: all members speak over one pool of connections with an
administrator's credentials, and hear of their works by one watch of all mailboxes, as hundreds of
processes do not fit on one machine. So neither rights nor fairness of the API server take part, nor
do hundreds of watches. Nothing is between the members and the hub but loopback. Processes share the
machine's cores, which makes times longer than they would be.

What the figures mean:

- `join_seconds`: the first InferenceCluster is created → the last mailbox is made.
- `change_…_seconds`: a service's template is edited → a member has reported, and the API server
  shows to whoever watches, that this is in force there. One value for each cluster: the percentiles
  and the last one.
- `with_dead_p99_seconds`: the same, of members that are well, while some are dead (neither agent
  nor endpoint answers) and some are slow (every request takes `--slow-seconds`).
- `hub_cores`: CPU of the hub's process over the time that it took: of the placement, the two
  changes and the wave of demand, the one with the most.
- `rest_cores`, `rest_writes_per_minute`: of the hub, over `--seconds` in which the service is in
  force everywhere and nobody changes anything; demand is noisy, as it is. Writes as the hub counts
  them, but for its own Lease.
- `peak_rss_mib`: VmHWM of the hub's process at the end of everything.
"""
