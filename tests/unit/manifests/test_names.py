"""Names of children: never too long, never ambiguous because they were cut."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import cluster_names, digests, pool_names, service_names
from tests.unit.planning.building import facts
from triton_operator.manifests import names

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(rf"{DNS_LABEL.pattern}(\.{DNS_LABEL.pattern})*")


@given(service_names(), pool_names(), digests())
def test_every_name_is_one_that_kubernetes_takes(service: str, pool: str, digest: str) -> None:
    plain = digest.removeprefix("sha256:")

    for name in (
        names.pool_child(service, pool),
        names.config_map(service, pool, plain),
        names.inspection_job(service, plain),
    ):
        assert len(name) <= 63
        assert DNS_LABEL.fullmatch(name)
    profile = names.model_profile(digest)
    assert len(profile) <= 253
    assert SUBDOMAIN.fullmatch(profile)


@given(service_names(), st.lists(pool_names(), min_size=2, max_size=2, unique=True))
def test_two_pools_of_a_service_never_share_a_name(service: str, pools: list[str]) -> None:
    first, second = pools

    assert names.pool_child(service, first) != names.pool_child(service, second)


@given(st.from_regex(r"[a-z][-a-z0-9]{62,120}[a-z0-9]", fullmatch=True))
@example("a" * 64)
def test_what_is_cut_is_told_apart_by_its_hash(name: str) -> None:
    other = name[:-1] + ("a" if name[-1] != "a" else "b")

    assert names.bounded(name) != names.bounded(other)
    assert len(names.bounded(name)) <= 63
    assert names.bounded(name) == names.bounded(name)


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert names.bounded("a" * 63) == "a" * 63
    assert names.pool_child("filetype", "l4") == "filetype-l4"


def test_a_cut_leaves_no_double_separator() -> None:
    cut = names.bounded("a" * 53 + "-" * 20 + "b")

    assert re.fullmatch(r"a{53}-[0-9a-f]{8}", cut)


@given(service_names(), cluster_names())
@example("filetype", "cluster-1")
@example("a" * 50, "c" * 57)
def test_what_stands_for_another_cluster_is_that_of_one_service(service: str, cluster: str) -> None:
    """`<service>-grpc` may be the name of another one."""
    plain = names.remote_service(service, cluster)
    grpc = names.remote_grpc_service(service, cluster)

    assert len({plain, grpc, names.remote_service(f"{service}-grpc", cluster)}) == 3
    for name in (plain, grpc):
        assert len(name) <= 63
        assert DNS_LABEL.fullmatch(name)


@given(service_names(), cluster_names())
@example("a" * 45, "c" * 57)
@example("a" * 46, "c" * 57)
@example("a" * 46, "c")
@example("a" * 50, "c")
def test_they_begin_alike_whether_they_are_cut_or_not(service: str, cluster: str) -> None:
    plain = names.remote_services_begin(service)
    grpc = names.remote_grpc_services_begin(service)

    assert names.remote_service(service, cluster).startswith(plain)
    assert names.remote_grpc_service(service, cluster).startswith(grpc)
    assert not grpc.startswith(plain)
    assert not plain.startswith(grpc)
    assert min(len(plain), len(grpc)) > len(service)


def test_a_new_config_or_source_has_a_new_name() -> None:
    assert names.config_map("s", "p", "0" * 64) == "s-p-00000000"
    assert names.config_map("s", "p", "1" * 64) != names.config_map("s", "p", "0" * 64)
    assert names.inspection_job("s", "0" * 16) == "s-inspect-00000000"


def test_the_model_goes_by_the_services_name() -> None:
    assert names.triton_model("filetype", facts()) == "filetype"
