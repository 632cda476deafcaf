"""Contacts: what the hub could not hear is no silence, and what is not written is not so."""

from dataclasses import replace

import pytest

from triton_operator.api.enums import ConnectionReason, ConnectionState
from triton_operator.fleet.connection import Connection, Heartbeat
from triton_operator.hub.contacts import Contacts

BEAT = Heartbeat()
UP = Connection(ConnectionState.CONNECTED, ConnectionReason.HEARD, 0.0, None, -600.0)


class Hub:
    """Contacts with one cluster, by a clock of its own."""

    def __init__(self, connection: Connection = UP) -> None:
        self.now = 0.0
        self.stepped = 0.0
        self.contacts = Contacts(lambda: self.now + self.stepped, lambda: self.now)
        self.contacts.restore("a", connection)

    def state(self) -> ConnectionState:
        return self.contacts.observed("a", BEAT).state


def test_before_it_listens_nothing_follows_from_silence() -> None:
    hub = Hub()
    hub.now = 1000.0

    assert hub.state() is ConnectionState.CONNECTED
    hub.contacts.heard("a", BEAT)
    assert hub.contacts.get("a") == UP


@pytest.mark.parametrize("step", [86_400.0, -86_400.0, 30.0])
def test_a_step_of_the_clock_is_no_silence_and_hides_none(step: float) -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 10.0
    hub.contacts.heard("a", BEAT)

    hub.stepped = step
    hub.now = 20.0
    assert hub.state() is ConnectionState.CONNECTED
    hub.now = 79.0
    assert hub.state() is ConnectionState.CONNECTED
    hub.now = 80.0
    assert hub.state() is ConnectionState.SUSPECT


def test_a_heartbeat_after_a_step_of_the_clock_is_no_return() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 10.0
    hub.stepped = 86_400.0

    hub.contacts.heard("a", BEAT)

    found = hub.contacts.get("a")
    assert found
    assert (found.state, found.flaps) == (ConnectionState.CONNECTED, UP.flaps)


def test_a_loss_keeps_its_length_over_a_step_of_the_clock() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 100.0
    before = hub.contacts.get("a")
    after = hub.contacts.observed("a", BEAT)
    assert after.state is ConnectionState.SUSPECT
    assert hub.contacts.adopt("a", before, after)

    hub.stepped = 86_400.0
    for hub.now in (110.0, 299.0):
        assert hub.state() is ConnectionState.SUSPECT
    hub.now = 300.0
    assert hub.state() is ConnectionState.LOST


def test_silence_counts_from_when_it_listens_again() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 50.0
    hub.contacts.listen()
    hub.now = 109.0
    assert hub.state() is ConnectionState.CONNECTED
    hub.now = 110.0
    assert hub.state() is ConnectionState.SUSPECT


def test_what_is_not_adopted_is_not_so() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 60.0
    assert hub.state() is ConnectionState.SUSPECT

    assert hub.contacts.get("a") == UP


def test_a_heartbeat_meanwhile_is_not_lost() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.now = 30.0
    before, after = hub.contacts.get("a"), hub.contacts.observed("a", BEAT)
    hub.contacts.heard("a", BEAT)

    assert not hub.contacts.adopt("a", before, after)
    known = hub.contacts.get("a")
    assert known
    assert known.heard_at == 30.0


def test_what_this_hub_knows_is_better_than_what_is_written() -> None:
    hub = Hub()
    hub.contacts.restore("a", replace(UP, flaps=9))
    assert hub.contacts.get("a") == UP

    hub.contacts.forget_all()
    hub.contacts.restore("a", replace(UP, flaps=9))
    assert hub.contacts.get("a") == replace(UP, flaps=9)


def test_a_cluster_that_is_not_known_is_not_heard() -> None:
    hub = Hub()
    hub.contacts.listen()
    hub.contacts.heard("b", BEAT)

    assert hub.contacts.get("b") is None
