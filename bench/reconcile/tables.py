"""The figures as a person reads them."""

from rich.console import Console
from rich.table import Table

from bench.reconcile.figures import percentile
from bench.reconcile.request_counts import READS
from bench.reconcile.run import Results


def print_tables(console: Console, results: Results) -> None:
    """Figures first, then where the cost is."""
    console.print(_figures(results))
    console.print(_pod_events(results))
    console.print(_restart(results))
    console.print(_requests(results))


def _figures(results: Results) -> Table:
    figures, burst = results.figures, results.burst
    before, quiet = burst.before, burst.quiet
    title = f"{figures.services} services in a burst"
    rows = [
        ("first create sent → last create answered", f"{burst.created_seconds:.1f} s"),
        ("first create sent → last Deployment seen", f"{figures.total_seconds:.1f} s"),
        ("… → quiet", f"{quiet.at - before.at:.1f} s"),
        ("per service, p50", f"{figures.p50_seconds:.2f} s"),
        ("per service, p99", f"{figures.p99_seconds:.2f} s"),
        ("one change, p50", f"{1000 * percentile(results.changes, 50):.0f} ms"),
        ("one change, p99", f"{1000 * figures.change_p99_seconds:.0f} ms"),
        ("CPU of the operator", f"{figures.cpu_seconds:.1f} s"),
        (
            "CPU of kube-apiserver",
            f"{quiet.apiserver_cpu_seconds - before.apiserver_cpu_seconds:.1f} s",
        ),
        ("CPU of etcd", f"{quiet.etcd_cpu_seconds - before.etcd_cpu_seconds:.1f} s"),
        (
            "reconciles per service",
            f"{(quiet.reconciles - before.reconciles) / figures.services:.2f}",
        ),
        ("peak memory of the operator", f"{figures.peak_rss_mib:.0f} MiB"),
        ("at rest, CPU of the operator", f"{figures.rest_cpu_seconds_per_minute:.2f} s/min"),
        ("at rest, writes", f"{figures.rest_writes_per_minute:.1f} /min"),
        ("at rest, reads and new watches", f"{results.rest.reads:.1f} /min"),
    ]
    return _table_of_figures(title, rows)


def _pod_events(results: Results) -> Table:
    events = results.pod_events
    title = "A storm of pod events"
    rows = [
        ("events a second", f"{events.events / events.seconds:.0f}"),
        ("reconciles per event", f"{events.reconciles / events.events:.2f}"),
        ("writes of the operator", str(events.writes)),
        ("cores that the operator took", f"{events.operator_cpu_seconds / events.seconds:.2f}"),
        ("one change meanwhile, p50", f"{1000 * percentile(events.edits, 50):.0f} ms"),
        ("one change meanwhile, p99", f"{1000 * percentile(events.edits, 99):.0f} ms"),
    ]
    return _table_of_figures(title, rows)


def _restart(results: Results) -> Table:
    restarted = results.restart
    title = f"A restart with {results.figures.services} services"
    rows = [
        ("process started → ready", f"{restarted.ready_seconds:.1f} s"),
        ("process started → leading", f"{restarted.leading_seconds:.1f} s"),
        ("process started → quiet", f"{restarted.quiet_seconds:.1f} s"),
        ("reconciles", str(restarted.reconciles)),
        ("writes", str(restarted.writes)),
        ("reads and new watches", str(restarted.reads)),
        ("CPU of the operator", f"{restarted.operator_cpu_seconds:.1f} s"),
        ("peak memory of the operator", f"{restarted.peak_rss_mib:.0f} MiB"),
    ]
    return _table_of_figures(title, rows)


def _table_of_figures(title: str, rows: list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _requests(results: Results) -> Table:
    services = results.figures.services
    counts = results.burst.quiet.counts.since(results.burst.before.counts)
    table = Table(
        title="Requests in the burst (the creates are the benchmark's own)", title_justify="left"
    )
    table.add_column("verb")
    table.add_column("resource")
    table.add_column("per service", justify="right")
    table.add_column("mean answer", justify="right")
    for request in sorted(counts.requests, key=lambda key: -counts.requests[key]):
        verb, resource = request
        count = counts.requests[request]
        milliseconds = 1000 * counts.seconds.get(request, 0.0) / count
        answer = f"{milliseconds:.1f} ms" if verb not in READS else ""
        table.add_row(verb, resource, f"{count / services:.3f}", answer)
    return table
