"""What a hub takes of a kubeconfig, and what it refuses: nothing in one makes it run or read
anything."""

from __future__ import annotations

import base64
import contextlib
import copy
import traceback
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.fleet.member_kubeconfig import (
    MOST_BYTES,
    MemberKubeconfig,
    RefusedKubeconfig,
    member_kubeconfig,
)

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
DATA = base64.b64encode(PEM.encode()).decode()
WHOLE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "preferences": {},
    "current-context": "store",
    "contexts": [
        {"name": "other", "context": {"cluster": "other", "user": "other"}},
        {"name": "store", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
    ],
    "clusters": [
        {
            "name": "c",
            "cluster": {
                "server": "https://store.example:6443/",
                "certificate-authority-data": DATA,
                "extensions": [],
            },
        }
    ],
    "users": [{"name": "u", "user": {"token": " secret-token\n"}}],
}


def changed(part: str, **fields: Any) -> str:
    """With fields of the cluster or the user set; None: removed."""
    document = copy.deepcopy(WHOLE)
    row = document[f"{part}s"][0][part]
    for name, value in fields.items():
        row[name.replace("_", "-") if name != "tokenFile" else name] = value
        if value is None:
            del row[name.replace("_", "-")]
    return yaml.safe_dump(document)


def test_a_token_is_read() -> None:
    assert member_kubeconfig(yaml.safe_dump(WHOLE)) == MemberKubeconfig(
        server="https://store.example:6443", authority=PEM, token="secret-token"
    )


def test_a_certificate_is_read() -> None:
    text = changed("user", token=None, client_certificate_data=DATA, client_key_data=DATA)

    found = member_kubeconfig(text)

    assert (found.token, found.certificate, found.key) == ("", PEM, PEM)


def test_an_authority_that_the_hub_trusts_anyway_need_not_be_named() -> None:
    assert member_kubeconfig(changed("cluster", certificate_authority_data=None)).authority == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed("user", exec={"command": "sh", "args": ["-c", "id"]}), "user.exec: a command"),
        (changed("user", auth_provider={"name": "gcp"}), "user.auth-provider: it would run"),
        (changed("user", tokenFile="/var/run/secrets/token"), "user.tokenFile: .* a file"),
        (changed("user", client_certificate="/etc/c.pem"), "user.client-certificate: .* a file"),
        (changed("user", client_key="/etc/k.pem"), "user.client-key: .* a file"),
        (changed("user", username="me", password="p"), "user.password"),
        (changed("user", **{"as": "system:admin"}), "user.as: this hub does not know it"),
        (changed("user", token=None), "no token"),
        (changed("user", token=7), "user.token: a text is wanted"),
        (changed("user", token="a\r\nHost: b"), "user.token: it has characters"),
        (changed("user", token="ключ"), "user.token: it has characters"),
        (changed("user", client_certificate_data=DATA), "go together"),
        (changed("user", client_certificate_data="%", client_key_data=DATA), "base64"),
        (
            changed("user", client_certificate_data="AAAA", client_key_data=DATA),
            "client-certificate-data: PEM",
        ),
        (changed("cluster", insecure_skip_tls_verify=True), "insecure-skip-tls-verify: anybody"),
        (changed("cluster", certificate_authority="/etc/ca.pem"), "authority: .* a file"),
        (changed("cluster", proxy_url="http://proxy:3128"), "cluster.proxy-url: this hub"),
        (changed("cluster", tls_server_name="other"), "cluster.tls-server-name: this hub"),
        (changed("cluster", server="http://store.example"), "cluster.server: https://HOST"),
        (changed("cluster", server="https://me:pw@store.example"), "cluster.server"),
        (changed("cluster", server="https://store.example\n"), "cluster.server"),
        (changed("cluster", server=None), "cluster.server"),
        (yaml.safe_dump({**WHOLE, "current-context": None}), "current-context"),
        (yaml.safe_dump({**WHOLE, "current-context": "gone"}), "contexts: none"),
        (yaml.safe_dump({**WHOLE, "users": [{"name": "x", "user": {}}]}), "users: none"),
        (yaml.safe_dump({**WHOLE, "clusters": "c"}), "clusters: none"),
        (yaml.safe_dump({**WHOLE, "contexts": [{"name": "store", "context": {}}]}), "names no"),
        ("- a list", "no kubeconfig"),
        ("{", "no YAML"),
        ("!!python/object/apply:os.system [id]", "no YAML"),
        ("x" * (MOST_BYTES + 1), "64 KiB"),
    ],
)
def test_what_the_hub_would_have_to_run_read_or_believe_is_refused(text: str, words: str) -> None:
    with pytest.raises(RefusedKubeconfig, match=words) as refused:
        member_kubeconfig(text)
    assert "secret-token" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    ["!!bool secret-token", '!!int ""', "!!timestamp secret-token", "!!float secret-token"],
)
def test_a_tag_that_does_not_fit_is_refused_without_what_it_is_of(value: str) -> None:
    text = yaml.safe_dump(WHOLE) + f"more: {value}\n"
    with pytest.raises(RefusedKubeconfig, match="no YAML") as refused:
        member_kubeconfig(text)
    told = "".join(traceback.format_exception(refused.value))
    assert "secret-token" not in told
    assert "_read(text)" in told, "which is where it is"


def test_a_name_that_no_text_can_be_made_of_is_refused() -> None:
    text = yaml.safe_dump(WHOLE).replace("token: ", f"? 0x{'f' * 5000}\n    : ")
    with pytest.raises(RefusedKubeconfig, match=r"cannot be read as a kubeconfig \(ValueError\)"):
        member_kubeconfig(text)


def test_no_credentials_are_in_what_is_logged_of_one() -> None:
    found = member_kubeconfig(yaml.safe_dump(WHOLE))
    assert "secret-token" not in repr(found)
    assert "secret-token" not in found.mark


def test_every_part_makes_another_one_of_it() -> None:
    marks = {
        member_kubeconfig(text).mark
        for text in (
            yaml.safe_dump(WHOLE),
            changed("user", token="another"),
            changed("cluster", server="https://elsewhere.example"),
            changed("cluster", certificate_authority_data=None),
            changed("user", client_certificate_data=DATA, client_key_data=DATA),
        )
    }
    assert len(marks) == 5


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["contexts", "clusters", "users", "name", "current-context"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_whatever_is_written_there_is_read_or_refused(document: Any) -> None:
    with contextlib.suppress(RefusedKubeconfig):
        member_kubeconfig(yaml.safe_dump(document))
