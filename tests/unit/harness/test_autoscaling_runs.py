"""What runs of autoscalers on a real cluster count, from events as a watch tells them."""

import json

import pytest

from e2e.autoscaling.fleet import Fleet
from e2e.autoscaling.policies import policy
from e2e.autoscaling.rates import FROM_SECOND, SCALE, SECONDS, made_up_spike, spike
from e2e.autoscaling.report import last_line
from e2e.autoscaling.trial import Result
from e2e.harness.errors import HarnessError


def pod(uid, *, ready=False, stopping=False, address="198.18.0.5"):
    metadata = {"uid": uid, "name": f"emulated-{uid}"}
    if stopping:
        metadata["deletionTimestamp"] = "2026-11-28T00:00:00Z"
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": metadata, "status": {"podIP": address, "conditions": conditions}}


def deployment(replicas):
    return {"metadata": {"name": "emulated-cpu"}, "spec": {"replicas": replicas}}


def test_replicas_cost_from_their_order_until_they_are_gone():
    fleet = Fleet()
    fleet.pod_changed("ADDED", pod("first"), 0.0)
    fleet.pod_changed("ADDED", pod("second"), 20.0)
    fleet.pod_changed("MODIFIED", pod("second", ready=True), 40.0)
    fleet.pod_changed("MODIFIED", pod("second", ready=True, stopping=True), 60.0)
    fleet.pod_changed("DELETED", pod("second", stopping=True), 70.0)

    # The first for all of the time, though it came before; the second for 50 s of it.
    assert fleet.replica_seconds(10.0, 110.0) == 150.0
    assert fleet.cold_starts() == [20.0]


def endpoints(name, **ready):
    return {
        "metadata": {"name": name},
        "endpoints": [
            {"addresses": [f"198.18.0.{host[1:]}"], "conditions": conditions}
            for host, conditions in ready.items()
        ],
    }


def test_requests_go_to_whom_the_service_sends_them():
    fleet = Fleet()
    told = []
    fleet.on_change = lambda: told.append(fleet.receiving())
    fleet.pod_changed("ADDED", pod("a", ready=True, address="198.18.0.1"), 0.0)
    fleet.endpoints_changed("ADDED", endpoints("s-1", h1={"ready": True}, h2={"ready": False}), 1.0)
    fleet.endpoints_changed("ADDED", endpoints("s-2", h3={}), 2.0)
    fleet.endpoints_changed("MODIFIED", endpoints("s-1", h2={"ready": True}), 3.0)
    fleet.endpoints_changed("DELETED", endpoints("s-2", h3={}), 4.0)
    fleet.endpoints_changed("MODIFIED", {"metadata": {"name": "s-1"}, "endpoints": None}, 5.0)

    assert told == [
        [],
        ["198.18.0.1:8000"],
        ["198.18.0.1:8000", "198.18.0.3:8000"],
        ["198.18.0.2:8000", "198.18.0.3:8000"],
        ["198.18.0.2:8000"],
        [],
    ]
    assert [replica.name for replica in fleet.ready()] == ["emulated-a"], "it is aside, not gone"


def test_who_stops_is_not_ready_though_its_probe_still_answers():
    fleet = Fleet()
    told = []
    fleet.on_change = lambda: told.append([replica.name for replica in fleet.ready()])
    fleet.pod_changed("ADDED", pod("a", ready=True), 0.0)
    fleet.pod_changed("MODIFIED", pod("a", ready=True, stopping=True), 1.0)

    assert told == [["emulated-a"], []]
    assert fleet.sample().existing == 1


def test_a_watch_that_begins_anew_tells_what_is_known():
    fleet = Fleet()
    for now in (0.0, 50.0):
        fleet.pod_changed("ADDED", pod("a", ready=True), now)

    assert fleet.replica_seconds(0.0, 100.0) == 100.0


def test_removed_replicas_are_steps_down_of_the_order():
    fleet = Fleet()
    for now, replicas in enumerate((2, 16, 10, 10, 12, 6)):
        fleet.deployment_changed("MODIFIED", deployment(replicas), float(now))

    assert fleet.removed(0.0, 10.0) == 12
    assert fleet.removed(3.0, 10.0) == 6
    assert fleet.sample().ordered == 6


def test_the_made_up_spike_has_the_shape_of_the_public_one():
    rates = made_up_spike()

    assert len(rates) == SECONDS
    assert 230_000 < rates.sum() < 285_000
    assert rates[:140].mean() == pytest.approx(105, rel=0.1)
    assert rates[155:160].mean() > 300
    assert rates[260:270].mean() == pytest.approx(590, rel=0.1)


def test_the_public_spike_is_a_part_of_its_trace(tmp_path):
    trace = tmp_path / "twitter_spike.csv"
    lines = "".join(f"{second},{second % 7}\n" for second in range(7200))
    trace.write_text("second,requests\n" + lines)

    rates = spike(trace)

    assert len(rates.per_second) == SECONDS
    assert rates.per_second[1] == pytest.approx(SCALE * ((FROM_SECOND + 1) % 7))
    assert "made up" in spike(tmp_path / "absent.csv").source


def test_policies_by_name():
    assert policy("static:12", "ns").scaling == {"mode": "Fixed", "minReplicas": 12}
    assert policy("ours-reject", "ns").rejects
    trigger = policy("keda-queue:20ms", "ns").trigger
    assert trigger is not None
    assert (trigger.threshold, trigger.metric_type) == (20.0, "Value")
    assert 'namespace="ns"' in trigger.query


@pytest.mark.parametrize(
    "name", ["", "ours:3", "static", "static:many", "keda-cpu:80", "keda-rps:"]
)
def test_other_names_are_an_error_that_lists_the_known(name):
    with pytest.raises(HarnessError, match="keda-rps:38"):
        policy(name, "ns")


def test_the_last_line_is_for_machines():
    result = Result(
        policy="keda-rps:38",
        source="",
        seconds=10,
        requests=1000,
        within=900,
        rejected=50,
        failed=1,
        replica_seconds=123.4,
        most_replicas=3,
        removed=0,
        cold_start_seconds=19.0,
        machine_busy=0.5,
        generator={},
        rows=[],
        samples=[],
        decisions=[],
    )

    figures = json.loads(last_line([result]))["keda_rps_38"]
    assert figures["attainment"] == 0.9
    assert figures["of_admitted"] == pytest.approx(900 / 950, abs=1e-5)
    assert figures["replica_seconds"] == 123
