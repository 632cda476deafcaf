"""Only the cluster's chains are removed, and every rule that leads to them."""

from e2e.harness.firewall import chains_in, removal_script

SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:CNI-0123 - [0:0]
:CNI-other - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -j DOCKER
-A PREROUTING -s 10.1.0.0/16 -j CNI-other
-A KUBE-SERVICES -d 198.19.0.1/32 -j CNI-0123
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
"""


def test_finds_chains_by_table():
    assert chains_in(SAVED) == {"nat KUBE-SERVICES", "nat CNI-0123", "nat CNI-other"}


def test_removes_what_was_not_there_before():
    script = removal_script(SAVED, keep={"nat CNI-other"})

    assert script.splitlines() == [
        "*nat",
        ":CNI-0123 - [0:0]",
        ":KUBE-SERVICES - [0:0]",
        '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "-X CNI-0123",
        "-X KUBE-SERVICES",
        "COMMIT",
    ]


def test_nothing_to_remove_is_an_empty_script():
    assert removal_script(SAVED, keep=chains_in(SAVED)) == ""
