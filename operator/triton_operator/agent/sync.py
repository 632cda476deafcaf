"""One mailbox of a hub and one member: every part is made and joined here, and nowhere else."""

import asyncio
import random
import time
from collections.abc import Callable

from triton_operator.agent.heartbeat import Heartbeat
from triton_operator.agent.link import Connector, Link, together
from triton_operator.agent.link_watch import LinkWatch
from triton_operator.agent.mailbox import Mailbox
from triton_operator.agent.member import Member
from triton_operator.agent.node_look import NodeLook
from triton_operator.agent.removal import Removal
from triton_operator.agent.reports import Reports

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
    now: Callable[[], float] = time.time,
    randomness: random.Random | None = None,
) -> None:
    """Keep the member as its mailbox at the hub says, for ever.

    Each connector makes a new connection, which is closed after its first error. `now` gives
    seconds since the epoch by the member's clock. Works are looked at as they change, and every
    `look_seconds`; statuses are written as they change, and every `report_seconds`.
    """
    randomness = randomness or random.SystemRandom()
    clock = asyncio.get_running_loop().time
    nodes = NodeLook()
    member = Member(
        Link("member", connect_member, randomness=randomness, clock=clock),
        nodes,
        lambda: works.wake(),
    )
    link = LinkWatch(member, every_seconds=heartbeat_seconds, now=now, clock=clock)
    works = Mailbox(
        mailbox,
        Link("hub", connect_hub, randomness=randomness, clock=clock),
        member,
        Heartbeat(
            mailbox,
            every_seconds=heartbeat_seconds,
            now=now,
            randomness=randomness,
            capacity=nodes.offered,
            clock=clock,
        ),
        nodes,
        Reports(every_seconds=report_seconds, now=now, clock=clock),
        Removal(mailbox, member, now=now),
        heard=link.heard,
        look_seconds=look_seconds,
        randomness=randomness,
    )
    await together(member.run(), works.run(), link.run())
