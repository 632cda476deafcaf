"""Profiles as input that may be wrong: what is read from them, and which digests they are about."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import DIGEST, facts
from triton_operator.controllers.observed import InvalidProfile
from triton_operator.controllers.profiles import digests_of, read_profiles
from triton_operator.controllers.views import SpecView, view_of

OTHER = "sha256:" + "ef" * 32
FACTS = facts().wire()
GOOD = {"digest": DIGEST, "facts": FACTS}
WRONG = {"digest": DIGEST, "facts": {**FACTS, "opset": 0}}


def profile(name: str, spec: Mapping[str, Any]) -> SpecView:
    view = view_of("ModelProfile", {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    assert isinstance(view, SpecView)
    return view


class Row(NamedTuple):
    name: str
    why: str
    specs: Mapping[str, Mapping[str, Any]]
    expected: Any


ROWS = [
    Row("none", "nothing is known", {}, None),
    Row("without facts", "somebody has only measured", {"a": {"digest": DIGEST}}, None),
    Row("good", "the usual one", {"a": GOOD}, facts()),
    Row("facts behind none", "what is known counts", {"a": {"digest": DIGEST}, "b": GOOD}, facts()),
    Row(
        "a number out of its range",
        "the profile and the field are named",
        {"a": WRONG},
        InvalidProfile("a", "spec.facts.opset: Input should be greater than or equal to 1"),
    ),
    Row(
        "a field is missing",
        "written before the definition asked for it",
        {"a": {"digest": DIGEST, "facts": {**FACTS, "files": [{"path": "model.onnx"}]}}},
        InvalidProfile("a", "spec.facts.files.0.digest: Field required"),
    ),
    Row("a good one behind a wrong one", "one that can be read is enough", {"a": WRONG, "b": GOOD},
        facts()),
    Row(
        "two wrong ones",
        "one after the other is corrected",
        {"a": WRONG, "b": {**WRONG, "measurements": 1}},
        InvalidProfile("a", "spec.facts.opset: Input should be greater than or equal to 1"),
    ),
    Row(
        "the digest of another model",
        "the operator cannot write the right profile under a name that is taken",
        {"a": {**GOOD, "digest": OTHER}},
        InvalidProfile("a", f"spec.digest: {OTHER} is not the digest of its name"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_profiles_say(row: Row) -> None:
    views = [profile(name, spec) for name, spec in row.specs.items()]

    assert read_profiles(DIGEST, views) == row.expected, row.why


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("mine", {"digest": DIGEST}, {DIGEST}),
        (DIGEST.replace(":", "-"), {"digest": DIGEST}, {DIGEST}),
        (DIGEST.replace(":", "-"), {"digest": OTHER}, {DIGEST, OTHER}),
        (DIGEST.replace(":", "-"), {}, {DIGEST}),
        ("mine", {}, set()),
        ("mine", {"digest": ["no", "text"]}, set()),
        ("sha256", {"digest": None}, set()),
    ],
)
def test_the_digests_that_a_profile_is_about(
    name: str, spec: Mapping[str, Any], expected: set[str]
) -> None:
    assert digests_of(profile(name, spec)) == expected
