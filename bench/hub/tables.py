"""The figures as a person reads them."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.hub.figures import Figures
from bench.hub.hub_process import Spent
from bench.hub.phases import Rollout
from bench.hub.run import Results
from bench.reconcile.figures import percentile


def print_tables(console: Console, results: Results) -> None:
    """How soon, what it cost in each phase, and what else was seen."""
    console.print(_times(results))
    console.print(_costs(results))
    console.print(_others(results))


def print_aims(console: Console, figures: Figures) -> bool:
    """What was aimed at; whether all of it is met."""
    aims = list(figures.aims())
    for aim in aims:
        console.print(f"{'met   ' if aim.met else 'MISSED'} {aim.text}: {aim.found}")
    return all(aim.met for aim in aims)


def _times(results: Results) -> Table:
    table = Table(
        title=f"{results.options.members} members: seconds until it is in force",
        title_justify="left",
    )
    table.add_column("what")
    for column in ("members", "p50", "p99", "all"):
        table.add_column(column, justify="right")
    agents, late = set(results.agents), results.with_dead.late
    rows = {
        "placed for the first time": results.place.seconds,
        "a change of the template": results.change.seconds,
        "… until its work is written": results.change.written,
        "… at whole agents": _of(results.change, agents),
        "… beside dead and slow ones, at the others": results.with_dead.seconds,
        "… at the slow ones": late,
    }
    for what, seconds in rows.items():
        if seconds:
            values = list(seconds.values())
            shown = (percentile(values, 50), percentile(values, 99), max(values))
            table.add_row(what, str(len(values)), *(f"{value:.1f}" for value in shown))
    return table


def _of(rollout: Rollout, names: set[str]) -> dict[str, float]:
    return {name: seconds for name, seconds in rollout.seconds.items() if name in names}


def _costs(results: Results) -> Table:
    table = Table(title="What each phase took", title_justify="left")
    table.add_column("phase")
    for column in ("seconds", "cores: hub", "API server", "members", "hub's writes", "reads"):
        table.add_column(column, justify="right")
    rows = {
        "join": results.join.spent,
        "placed": results.place.spent,
        "rest": results.rest,
        "change": results.change.spent,
        "change beside dead": results.with_dead.spent,
        "wave": results.wave.spent,
    }
    for phase, spent in rows.items():
        table.add_row(phase, *_row(spent))
    return table


def _row(spent: Spent) -> list[str]:
    cores = (spent.hub_cores, spent.apiserver_cores, spent.own_cores)
    return [
        f"{spent.seconds:.1f}",
        *(f"{value:.2f}" for value in cores),
        str(spent.writes),
        str(spent.reads),
    ]


def _others(results: Results) -> Table:
    figures, wave = results.figures, results.wave
    first = "none" if wave.first_seconds is None else f"{wave.first_seconds:.1f} s"
    rows = [
        ("first cluster created → last mailbox made", f"{figures.join_seconds:.1f} s"),
        ("… → last one Connected", f"{results.join.connected_seconds:.1f} s"),
        ("p99 beside dead and slow over p99 without", f"{figures.delay:.2f}"),
        ("wave at so many edges", str(wave.sites)),
        ("works written in it", str(wave.works)),
        ("wave → first of them written", first),
        ("at rest, writes of the hub", f"{figures.rest_writes_per_minute:.0f} /min"),
        ("at rest, works written again", str(results.written_at_rest)),
        ("peak memory of the hub", f"{figures.peak_rss_mib:.0f} MiB"),
        ("failed requests of simulated members", str(results.failures)),
    ]
    table = Table(title="Others", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for row in rows:
        table.add_row(*row)
    return table
