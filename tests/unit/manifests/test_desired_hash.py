"""The desired hash: moves with every wanted field, and with nothing else."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api import labels
from triton_operator.manifests.desired_hash import content_hash, with_desired_hash

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
manifests = st.fixed_dictionaries(
    {"kind": st.just("ConfigMap"), "metadata": st.fixed_dictionaries({"name": st.text()})},
    optional={"data": st.dictionaries(st.text(max_size=4), values, max_size=3)},
)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(manifests)
def test_the_order_of_keys_means_nothing(manifest: dict[str, Any]) -> None:
    assert content_hash(reordered(manifest)) == content_hash(manifest)


@given(manifests, manifests)
def test_hashes_differ_where_objects_do(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (content_hash(one) == content_hash(other)) is (one == other)


@given(manifests)
def test_the_annotation_is_all_that_is_added_and_nothing_is_changed_in_place(
    manifest: dict[str, Any],
) -> None:
    before = repr(manifest)

    hashed = with_desired_hash(manifest)

    assert repr(manifest) == before
    assert hashed["metadata"]["annotations"] == {labels.DESIRED_HASH: content_hash(manifest)}
    assert {**hashed, "metadata": {"name": manifest["metadata"]["name"]}} == manifest


def test_other_annotations_stay_and_count() -> None:
    annotated = {"kind": "Job", "metadata": {"name": "a", "annotations": {"b": "c"}}}
    bare = {"kind": "Job", "metadata": {"name": "a"}}

    hashed = with_desired_hash(annotated)["metadata"]["annotations"]

    assert hashed["b"] == "c"
    assert hashed[labels.DESIRED_HASH] != content_hash(bare)


def test_the_hash_is_the_same_in_every_process() -> None:
    """A constant: were it salted, every restart of the operator would write every object."""
    assert content_hash({"b": [1, 2], "a": "x"}) == "721ef82f2d6c0997"
