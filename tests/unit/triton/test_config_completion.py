"""What is appended to a config is a merge that leaves everything else as it is."""

from typing import Any

from triton_operator.api.tensors import Tensor
from triton_operator.triton.config_completion import completion_text
from triton_operator.triton.model_config import parse_config
from triton_operator.triton.model_config_schema import schema

AUTHORS = """\
# A comment, and no name.
backend: "onnxruntime"
max_batch_size: 8
parameters { key: "enable_mem_arena" value { string_value: "0" } }"""
NOTHING: dict[str, Any] = {
    "instance_kind": None,
    "threads": None,
    "dynamic_batching": False,
    "queue_delay_microseconds": 0,
    "metric_tags": {},
}


def test_appended_text_is_a_merge() -> None:
    addition = completion_text(
        instance_kind="KIND_CPU",
        threads=2,
        dynamic_batching=True,
        queue_delay_microseconds=100,
        metric_tags={"service": "shop"},
    )

    merged: Any = parse_config(f"{AUTHORS}\n{addition}")
    authors: Any = parse_config(AUTHORS)

    assert {key: row.string_value for key, row in merged.parameters.items()} == {
        "enable_mem_arena": "0",
        "intra_op_thread_count": "2",
    }
    assert merged.dynamic_batching.max_queue_delay_microseconds == 100
    for name in ("instance_group", "dynamic_batching", "metric_tags", "parameters"):
        merged.ClearField(name)
        authors.ClearField(name)
    assert merged == authors


def test_tensors_are_written_as_triton_has_them() -> None:
    image = Tensor(name="image", datatype="FP32", shape=[-1, 3, 224])
    score = Tensor(name="score", datatype="BYTES", shape=[-1])

    text = completion_text(**NOTHING, inputs=[image], outputs=[score], max_batch_size=8)

    merged: Any = parse_config(f"{AUTHORS}\n{text}")
    assert list(merged.input[0].dims) == [3, 224]
    assert list(merged.output[0].dims) == [1], "a scalar per item is one value for the client"
    assert merged.output[0].HasField("reshape")
    assert merged.output[0].data_type == schema().DataType.Value("TYPE_STRING")

    whole: Any = parse_config(completion_text(**NOTHING, inputs=[image], outputs=[score]))
    assert list(whole.input[0].dims) == [-1, 3, 224]


def test_a_batcher_that_rejects() -> None:
    added = {**NOTHING, "dynamic_batching": True, "queue_timeout_microseconds": 125_000}

    merged: Any = parse_config(f"{AUTHORS}\n{completion_text(**added)}")

    policy = merged.dynamic_batching.default_queue_policy
    assert policy.default_timeout_microseconds == 125_000
    assert policy.timeout_action == schema().ModelQueuePolicy.REJECT
    assert (policy.max_queue_size, policy.allow_timeout_override) == (0, False)


def test_nothing_adds_nothing() -> None:
    assert completion_text(**NOTHING) == ""
