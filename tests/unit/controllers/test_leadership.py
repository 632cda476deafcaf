"""Leader election over hours of virtual time: one writes at a time, and somebody soon does."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.controllers.virtual_time import virtual_run
from triton_operator.controllers.errors import ApiConflict, ApiUnavailable
from triton_operator.controllers.kinds import Kind
from triton_operator.controllers.leadership import Election, LeaseLost, LeaseOptions, Unopposed

Body = dict[str, Any]
OPTIONS = LeaseOptions("system", "operator", 12.0)
TAKEOVER_SECONDS = 15.0


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Leases:
    """The API server's one Lease. `away`: who gets no answer; `lost`: whose writes are done, but
    not answered; `seconds`: what an answer takes."""

    lease: Body | None = None
    away: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    seconds: float = 0.01
    version: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


@dataclass
class Line:
    """One candidate's way to the API server, with a client's time limit."""

    leases: Leases
    who: str

    async def get(self, kind: Kind, namespace: str, name: str) -> Body | None:
        await self._way()
        return deepcopy(self.leases.lease)

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> None:
        await self._way()
        if self.leases.lease is not None:
            raise ApiConflict(409, "AlreadyExists", "exists")
        uid = f"uid-{next(self.leases.version)}"
        await self._put({**manifest, "metadata": {**manifest["metadata"], "uid": uid}})

    async def replace(self, kind: Kind, manifest: Mapping[str, Any]) -> None:
        await self._way()
        lease = self.leases.lease
        assert lease is not None
        if lease["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise ApiConflict(409, "Conflict", "modified")
        await self._put(manifest)

    async def _way(self) -> None:
        if self.who in self.leases.away:
            await asyncio.sleep(3)
            raise ApiUnavailable(0, "TimeoutError", "timed out")
        await asyncio.sleep(self.leases.seconds)

    async def _put(self, manifest: Mapping[str, Any]) -> None:
        lease = deepcopy(dict(manifest))
        lease["metadata"] = {**lease["metadata"], "resourceVersion": str(next(self.leases.version))}
        self.leases.lease = lease
        if self.who in self.leases.lost:
            await asyncio.sleep(3)
            raise ApiUnavailable(0, "TimeoutError", "timed out")


class Candidate:
    """A process: its election, running."""

    def __init__(self, leases: Leases, who: str, *, wall: float = 0.0) -> None:
        self.who = who
        self.taken_over: list[float] = []
        self._frozen = 0.0
        self.election = Election(
            Line(leases, who),  # type: ignore[arg-type]  # has the methods that are used
            OPTIONS,
            who,
            clock=now,
            wall=lambda: wall,
        )
        self.task = asyncio.ensure_future(self.election.run(lambda: self.taken_over.append(now())))

    @property
    def leads(self) -> bool:
        return self.election.leads

    async def die(self) -> None:
        """kill -9."""
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


async def until_one_leads(*candidates: Candidate) -> Candidate:
    """The first of these to lead; fails after a long time without a leader."""
    while not (leaders := [one for one in candidates if one.leads]):
        assert now() < 3600, "nobody leads"
        await asyncio.sleep(0.05)
    (leader,) = leaders
    return leader


async def pass_time(seconds: float, *candidates: Candidate) -> None:
    """Time passes, and at no moment do two of them lead."""
    end = now() + seconds
    while now() < end:
        assert sum(one.leads for one in candidates) <= 1, "two lead"
        await asyncio.sleep(0.05)


def test_a_free_lease_is_taken_at_once() -> None:
    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await one.election.acquired.wait()
        assert now() < 0.1
        assert leases.holder == "one"
        assert one.leads

    virtual_run(scenario())


def test_one_leads_for_hours_and_the_other_waits() -> None:
    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        for _ in range(3600):
            await asyncio.sleep(1)
            assert (one.leads, two.leads) == (True, False)
        assert len(one.taken_over) == 1
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseTransitions"] == 0

    virtual_run(scenario())


@pytest.mark.parametrize("after", [0.0, 0.4, 1.1, 1.9, 2.0, 5.7])
@pytest.mark.parametrize("wall", [-1e9, 0.0, 4e9])
def test_a_dead_leader_is_replaced(after: float, wall: float) -> None:
    """Whenever it dies, and however wrong a wall clock is."""

    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one", wall=2e9)
        await until_one_leads(one)
        two = Candidate(leases, "two", wall=2e9 + wall)
        await asyncio.sleep(30 + after)
        died = now()
        await one.die()
        while not two.leads:
            assert leases.holder == "one"
            await asyncio.sleep(0.01)
        assert OPTIONS.seconds - 3 < now() - died < TAKEOVER_SECONDS - 1
        assert leases.holder == "two"
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseTransitions"] == 1

    virtual_run(scenario())


def test_a_released_lease_is_taken_within_two_seconds() -> None:
    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        await asyncio.sleep(30.3)
        one.task.cancel()
        await one.election.release()
        released = now()
        assert not one.leads
        assert leases.holder == ""
        await two.election.acquired.wait()
        assert now() - released < 2

    virtual_run(scenario())


def test_a_release_comes_through_beside_a_renewal() -> None:
    """The stop meets a renewal whose answer is under way."""

    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        releasing = asyncio.ensure_future(one.election.release())
        await asyncio.sleep(0.015)
        assert leases.lease is not None
        leases.lease["metadata"]["resourceVersion"] = "999"
        await releasing
        assert leases.holder == ""

    virtual_run(scenario())


def test_a_leader_that_cannot_renew_stops_before_another_begins() -> None:
    """And its last request has been given up by then."""

    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        await asyncio.sleep(30.3)
        leases.away.add("one")
        last_answer_due = 0.0
        while not two.leads:
            if seconds := one.election.write_seconds():
                last_answer_due = now() + seconds
            assert bool(seconds) == one.leads
            await asyncio.sleep(0.01)
        assert not one.leads
        assert last_answer_due < now() - 1

        leases.away.clear()
        with pytest.raises(LeaseLost, match="two"):
            await one.task
        assert not one.leads

    virtual_run(scenario())


def test_an_api_server_that_is_away_for_all_does_not_change_the_leader() -> None:
    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        for length in (3, 6, 11, 13, 60, 601):
            await pass_time(20, one, two)
            leases.away |= {"one", "two"}
            await pass_time(length, one, two)
            leases.away.clear()
            await pass_time(5, one, two)
            assert one.leads, f"{length} s away"
        assert len(one.taken_over) == 1

    virtual_run(scenario())


def test_renewals_whose_answers_are_lost() -> None:
    """The Lease is renewed, but its holder does not know: it must not write, and need not lose."""

    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        await pass_time(20, one, two)
        leases.lost.add("one")
        await pass_time(15, one, two)
        assert not one.leads
        assert leases.holder == "one"
        leases.lost.clear()
        await pass_time(5, one, two)
        assert one.leads

    virtual_run(scenario())


def test_a_lease_deleted_by_hand_does_not_make_two_leaders() -> None:
    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        for _ in range(40):
            await pass_time(1.3, one, two)
            leases.lease = None
        await pass_time(5, one, two)
        assert one.leads

    virtual_run(scenario())


def test_a_paused_process_neither_leads_nor_takes_back() -> None:
    """SIGSTOP: everything stands still in it, and its clock goes on."""

    async def scenario() -> None:
        leases = Leases()
        one = Candidate(leases, "one")
        await until_one_leads(one)
        two = Candidate(leases, "two")
        await asyncio.sleep(20)
        # Stands for the pause: its loop runs nothing while another's does.
        await one.die()
        await two.election.acquired.wait()
        assert not one.leads
        assert one.election.write_seconds() == 0

        resumed = asyncio.ensure_future(one.election.run(lambda: None))
        with pytest.raises(LeaseLost):
            await resumed
        assert two.leads

    virtual_run(scenario())


def test_of_many_that_start_together_one_leads() -> None:
    async def scenario() -> None:
        leases = Leases()
        candidates = [Candidate(leases, str(number)) for number in range(5)]
        await pass_time(20, *candidates)
        assert sum(one.leads for one in candidates) == 1
        leader = await until_one_leads(*candidates)
        await leader.die()
        others = [one for one in candidates if one is not leader]
        await pass_time(TAKEOVER_SECONDS, leader, *others)
        assert sum(one.leads for one in others) == 1

    virtual_run(scenario())


def test_a_holder_that_promised_more_is_given_it() -> None:
    """During an upgrade the old version may use another duration."""

    async def scenario() -> None:
        leases = Leases(
            {
                "metadata": {"resourceVersion": "0"},
                "spec": {"holderIdentity": "old", "leaseDurationSeconds": 40},
            }
        )
        one = Candidate(leases, "one")
        await one.election.acquired.wait()
        assert 40 <= now() < 42

    virtual_run(scenario())


def test_unopposed() -> None:
    async def scenario() -> None:
        taken = []
        alone = Unopposed()
        assert not alone.leads
        task = asyncio.ensure_future(alone.run(lambda: taken.append(True)))
        await alone.acquired.wait()
        assert (alone.leads, taken) == (True, [True])
        assert alone.write_seconds() > 30
        task.cancel()
        await alone.release()

    virtual_run(scenario())
