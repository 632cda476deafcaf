"""Paths tell their namespace; what is lost is not served, and not listed."""

import pytest

from triton_operator.controllers.namespaces import Namespaces, namespace_of

# path: its namespace
PATHS = {
    "/api/v1/namespaces/shop/pods": "shop",
    "/apis/apps/v1/namespaces/shop/deployments/a/scale": "shop",
    "/k8s/clusters/c-1/api/v1/namespaces/shop/pods": "shop",
    "/api/v1/namespaces/shop": "",
    "/api/v1/namespaces": "",
    "/api/v1/pods": "",
    "/api/v1/nodes/namespaces": "",
}


@pytest.mark.parametrize("path", PATHS)
def test_the_namespace_of_a_path(path: str) -> None:
    assert namespace_of(path) == PATHS[path]


def test_without_names_everything_is_served_and_listed_as_a_whole() -> None:
    namespaces = Namespaces()

    assert namespaces.serves("anything")
    assert namespaces.scopes == (None,)
    assert not namespaces.all_are_lost
    assert namespaces.states() == {}


def test_a_lost_one_is_not_listed_until_it_is_back() -> None:
    namespaces = Namespaces(("shop", "lab"))
    namespaces.lose("lab")

    assert (namespaces.serves("shop"), namespaces.serves("lab")) == (True, False)
    assert namespaces.serves(""), "pools and nodes are in none"
    assert namespaces.scopes == ("shop",)
    assert namespaces.states() == {"shop": True, "lab": False}

    namespaces.regain("lab")
    assert namespaces.scopes == ("shop", "lab")


def test_when_all_are_lost_nothing_is_listed_least_of_all_the_cluster() -> None:
    namespaces = Namespaces(("shop",))
    namespaces.lose("shop")

    assert namespaces.all_are_lost
    assert namespaces.scopes == ()


def test_one_that_is_named_twice_is_looked_after_once() -> None:
    assert Namespaces(("shop", "lab", "shop")).names == ("shop", "lab")
