"""One mailbox of a hub and one member: every part is made and joined here, and nowhere else."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triton_operator.agent.decisions import Decisions
from triton_operator.agent.heartbeat import Heartbeat
from triton_operator.agent.link import Connector, Link, together
from triton_operator.agent.link_watch import LinkWatch
from triton_operator.agent.mailbox import Mailbox
from triton_operator.agent.member import Member
from triton_operator.agent.node_look import NodeLook
from triton_operator.agent.reach import Reach
from triton_operator.agent.removal import Removal
from triton_operator.agent.renewal import LOOK_SECONDS as LOOK_SECONDS_OF_TOKENS
from triton_operator.agent.renewal import Renewal
from triton_operator.agent.reports import Reports
from triton_operator.agent.token_store import Store
from triton_operator.controllers.errors import ApiError
from triton_operator.fleet.absence import GRACE_SECONDS

HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 15.0
REPORT_SECONDS = 60.0


async def sync(
    connect_hub: Connector,
    connect_member: Connector,
    mailbox: str,
    *,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    look_seconds: float = LOOK_SECONDS,
    report_seconds: float = REPORT_SECONDS,
    grace_seconds: float = GRACE_SECONDS,
    now: Callable[[], float] = time.time,
    randomness: random.Random | None = None,
    hub_kubeconfig: Path | None = None,
    store: Store | None = None,
    token_look_seconds: float = LOOK_SECONDS_OF_TOKENS,
    reached: Callable[[ApiError | None], None] | None = None,
    looks: asyncio.Semaphore | None = None,
    carries: Callable[[dict[str, Any]], bool] | None = None,
) -> None:
    """Keep the member as its mailbox at the hub says, for ever.

    Each connector makes a new connection, which is closed after its first error. `now` gives
    seconds since the epoch by the member's clock. Works are looked at as they change, and every
    `look_seconds`; statuses are written as they change, and every `report_seconds`. A service goes
    `grace_seconds` after its work was first seen to be missing.
    `hub_kubeconfig`: the file that `connect_hub` reads; the life of its token is told, and with a
    `store` it is renewed.
    `reached`: this runs at the hub and not in the member. It is called each time that the member
    was asked whether it is there, with an error if it did not answer, which is no heartbeat then.
    `looks`: how many of those that run here may look at nodes and pods of their members at a time.
    What a member does while its hub is silent it is not told, as nobody there would notice.
    `carries`: which works are carried out; the others, and services without a work, stay as they
    are. None: all are, and services without a work go.
    """
    randomness = randomness or random.SystemRandom()
    clock = asyncio.get_running_loop().time
    nodes = NodeLook(looks)
    renewal = None
    if hub_kubeconfig is not None:
        renewal = Renewal(
            hub_kubeconfig,
            mailbox,
            store,
            now=now,
            clock=clock,
            randomness=randomness,
            look_seconds=token_look_seconds,
        )

    def changed() -> None:
        decisions.wake()
        works.wake()

    member = Member(
        Link(f"member of {mailbox}", connect_member, randomness=randomness, clock=clock),
        nodes,
        changed,
        randomness=randomness,
    )
    reach = None if reached is None else Reach(connect_member, reached, clock=clock)
    decisions = Decisions(mailbox, member, clock=clock)
    link = LinkWatch(mailbox, member, every_seconds=heartbeat_seconds, now=now, clock=clock)
    works = Mailbox(
        mailbox,
        Link(f"hub of {mailbox}", connect_hub, randomness=randomness, clock=clock),
        member,
        Heartbeat(
            mailbox,
            every_seconds=heartbeat_seconds,
            now=now,
            randomness=randomness,
            capacity=nodes.offered,
            clock=clock,
            token=lambda: renewal.life if renewal else None,
            reach=None if reach is None else reach.ask,
        ),
        nodes,
        Reports(every_seconds=report_seconds, now=now, clock=clock),
        Removal(mailbox, member, clock=clock, grace_seconds=grace_seconds),
        renewal,
        heard=link.heard,
        carries=carries,
        look_seconds=look_seconds,
        randomness=randomness,
    )
    watches = (link.run(),) if reach is None else ()
    try:
        await together(member.run(), works.run(), decisions.run(), *watches)
    finally:
        if reach is not None:
            await reach.close()
