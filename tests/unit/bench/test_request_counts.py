from bench.reconcile.request_counts import RequestCounts, request_counts


def line(verb: str, resource: str, value: float, subresource: str = "", code: int = 200) -> str:
    labels = f'code="{code}",resource="{resource}",subresource="{subresource}",verb="{verb}"'
    return f"apiserver_request_total{{{labels}}} {value}"


def test_codes_of_one_request_are_added_up() -> None:
    counts = request_counts(
        "\n".join([line("APPLY", "services", 3, code=201), line("APPLY", "services", 1, code=409)])
    )

    assert counts.requests == {("APPLY", "services"): 4}


def test_a_subresource_is_a_request_of_its_own() -> None:
    counts = request_counts(
        "\n".join([line("APPLY", "pods", 1), line("APPLY", "pods", 2, subresource="status")])
    )

    assert counts.requests == {("APPLY", "pods"): 1, ("APPLY", "pods/status"): 2}


def test_what_is_about_no_resource_is_left_out() -> None:
    assert request_counts(line("GET", "", 9)).requests == {}


def test_other_metrics_are_left_out() -> None:
    assert request_counts('apiserver_request_total_ish{verb="PUT"} 5\n# comment').requests == {}


def test_only_writes_of_others_than_the_api_server_count_as_writes() -> None:
    counts = request_counts(
        "\n".join(
            [
                line("LIST", "pods", 100),
                line("WATCH", "pods", 100),
                line("GET", "pods", 100),
                line("PUT", "leases", 100),
                line("POST", "endpoints", 100, code=422),
                line("APPLY", "inferenceservices", 2, subresource="status"),
                line("POST", "events", 1, code=403),
                line("DELETE", "jobs", 1),
            ]
        )
    )

    assert counts.writes == 4


def test_the_difference_has_only_what_came_since() -> None:
    before = RequestCounts({("GET", "pods"): 5, ("PUT", "jobs"): 1}, {("PUT", "jobs"): 0.5})
    after = RequestCounts(
        {("GET", "pods"): 5, ("PUT", "jobs"): 3, ("POST", "jobs"): 1}, {("PUT", "jobs"): 2.0}
    )

    since = after.since(before)

    assert since.requests == {("PUT", "jobs"): 2, ("POST", "jobs"): 1}
    assert since.seconds == {("PUT", "jobs"): 1.5}
