"""config.pbtxt: what is in it, what never is, and that it reads back as it was."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from triton_operator.api.tensors import Tensor
from triton_operator.triton.datatypes import CONFIG_TYPES, UnknownDatatype
from triton_operator.triton.model_config import (
    InvalidConfig,
    ModelSettings,
    config_text,
    model_config,
    parse_config,
)

HAPPY = ModelSettings(
    model_name="filetype",
    inputs=[Tensor(name="bytes", datatype="INT32", shape=[-1, 2048])],
    outputs=[Tensor(name="label", datatype="FP32", shape=[-1, 214])],
    max_batch_size=8,
    instances=1,
    gpu=False,
    threads=2,
    dynamic_batching=True,
    metric_tags={"service": "filetype", "namespace": "shop"},
)

HAPPY_TEXT = """\
name: "filetype"
max_batch_size: 8
input {
  name: "bytes"
  data_type: TYPE_INT32
  dims: [2048]
}
output {
  name: "label"
  data_type: TYPE_FP32
  dims: [214]
}
instance_group {
  count: 1
  kind: KIND_CPU
}
metric_tags {
  key: "namespace"
  value: "shop"
}
metric_tags {
  key: "service"
  value: "filetype"
}
dynamic_batching {
}
parameters {
  key: "intra_op_thread_count"
  value {
    string_value: "2"
  }
}
model_warmup {
  name: "batch-1"
  batch_size: 1
  inputs {
    key: "bytes"
    value {
      data_type: TYPE_INT32
      dims: [2048]
      zero_data: true
    }
  }
}
model_warmup {
  name: "batch-8"
  batch_size: 8
  inputs {
    key: "bytes"
    value {
      data_type: TYPE_INT32
      dims: [2048]
      zero_data: true
    }
  }
}
backend: "onnxruntime"
"""


def tensor(shape: list[int], datatype: str = "FP32", name: str = "x") -> Tensor:
    return Tensor(name=name, datatype=datatype, shape=shape)


def built(**changes: Any) -> Any:
    config: Any = model_config(replace(HAPPY, **changes))
    return config


def test_whole_text() -> None:
    assert config_text(model_config(HAPPY)) == HAPPY_TEXT


class Part(NamedTuple):
    name: str
    changes: dict[str, Any]
    has: tuple[str, ...]
    lacks: tuple[str, ...]
    why: str


PARTS = [
    Part(
        "no batch axis",
        {"max_batch_size": 0, "inputs": [tensor([1, 3, 8])], "outputs": [tensor([1, 2], name="y")]},
        ("dims: [1, 3, 8]", "dims: [1, 2]", 'name: "batch-1"'),
        ("max_batch_size", "dynamic_batching", "batch-0"),
        "with 0 the dims include axis 0, and there is nothing to batch",
    ),
    Part(
        "batch of one",
        {"max_batch_size": 1},
        ("max_batch_size: 1", "dims: [2048]", 'name: "batch-1"'),
        ("dynamic_batching",),
        "a batcher for single requests only adds a queue; one warm-up is enough",
    ),
    Part(
        "batching by clients only",
        {"dynamic_batching": False},
        ("max_batch_size: 8",),
        ("dynamic_batching",),
        "clients may send batches while nobody else's requests join",
    ),
    Part(
        "delay",
        {"queue_delay_microseconds": 500},
        ("max_queue_delay_microseconds: 500",),
        (),
        "the user asked for it",
    ),
    Part(
        "reject",
        {"queue_timeout_microseconds": 125_000},
        ("default_queue_policy {\n    default_timeout_microseconds: 125000\n  }",),
        ("max_queue_size", "DELAY", "allow_timeout_override"),
        "to reject is what Triton does unless told otherwise; what a full queue rejects, no metric "
        "counts",
    ),
    Part(
        "reject without a batcher",
        {"queue_timeout_microseconds": 125_000, "dynamic_batching": False},
        (),
        ("dynamic_batching", "queue_policy"),
        "only the batcher has a queue",
    ),
    Part(
        "gpu",
        {"gpu": True, "threads": 4, "instances": 2},
        ("kind: KIND_GPU", "count: 2"),
        ("intra_op_thread_count", "gpus"),
        "threads are for CPUs; the pod sees only its own GPU, so none is named",
    ),
    Part(
        "threads left open",
        {"threads": None},
        (),
        ("parameters",),
        "None leaves ONNX Runtime's own choice",
    ),
    Part(
        "scalar per item",
        {"inputs": [tensor([-1])]},
        ("dims: [1]\n  reshape {\n  }",),
        (),
        "Triton wants a dimension, the model has none: an empty reshape takes it away",
    ),
    Part(
        "strings",
        {"inputs": [tensor([-1, 1], "BYTES")]},
        ("data_type: TYPE_STRING",),
        ("model_warmup",),
        "an empty string is no valid value for most models, and a failed warm-up fails the load",
    ),
    Part(
        "axis of any length",
        {"inputs": [tensor([-1, 3, -1, -1])]},
        ("dims: [3, -1, -1]",),
        ("model_warmup",),
        "no length is known to be safe",
    ),
    Part(
        "axis of any length in an output",
        {"outputs": [tensor([-1, -1], name="y")]},
        ("model_warmup",),
        (),
        "outputs need no data",
    ),
    Part("no warm-up", {"warm_up": False}, (), ("model_warmup",), "as asked"),
]


@pytest.mark.parametrize("row", PARTS, ids=lambda row: row.name)
def test_parts(row: Part) -> None:
    text = config_text(built(**row.changes))

    assert all(part in text for part in row.has), row.why
    assert not any(part in text for part in row.lacks), row.why


class Refused(NamedTuple):
    name: str
    changes: dict[str, Any]
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Refused("fixed axis 0", {"inputs": [tensor([1, 3])]}, r"tensor x of shape \[1, 3\] has no"),
        Refused("output without axes", {"outputs": [tensor([], name="y")]}, "tensor y .* no batch"),
        Refused("scalar", {"max_batch_size": 0, "inputs": [tensor([])]}, "tensor x .* is a scalar"),
        Refused("empty axis", {"inputs": [tensor([-1, 0])]}, "impossible length"),
        Refused("below -1", {"inputs": [tensor([-1, -2])]}, "impossible length"),
        Refused("negative batch", {"max_batch_size": -1}, "max_batch_size -1"),
        Refused("no instance", {"instances": 0}, "instances 0"),
        Refused("no thread", {"threads": 0}, "threads 0"),
    ],
    ids=lambda row: row.name,
)
def test_what_triton_would_refuse_at_load_is_refused_before(row: Refused) -> None:
    with pytest.raises(InvalidConfig, match=row.says):
        built(**row.changes)


def test_unknown_datatype_is_refused() -> None:
    with pytest.raises(UnknownDatatype, match="COMPLEX64"):
        built(inputs=[tensor([-1, 2], "COMPLEX64")])


class Unreadable(NamedTuple):
    name: str
    text: str
    says: str


@pytest.mark.parametrize(
    "row",
    [
        Unreadable("unknown field", 'name: "a"\nbatch: 2', r"2:1 .*batch"),
        Unreadable("unknown value", "instance_group { kind: KIND_TPU }", "KIND_TPU"),
        Unreadable("wrong type", "max_batch_size: many", "many"),
        Unreadable("open brace", "dynamic_batching {", "config.pbtxt"),
    ],
    ids=lambda row: row.name,
)
def test_parse_says_where_and_what(row: Unreadable) -> None:
    with pytest.raises(InvalidConfig, match=row.says):
        parse_config(row.text)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
LENGTHS = st.one_of(st.just(-1), st.integers(1, 4096))


@st.composite
def settings_of_models(draw: st.DrawFn) -> ModelSettings:
    """Any settings of a model that Triton serves."""
    batch = draw(st.one_of(st.just(0), st.integers(1, 4096)))

    def tensors(prefix: str) -> list[Tensor]:
        items = draw(
            st.lists(
                st.tuples(
                    NAMES,
                    st.sampled_from(sorted(CONFIG_TYPES)),
                    st.lists(LENGTHS, min_size=0 if batch else 1, max_size=5),
                ),
                min_size=1,
                max_size=4,
                unique_by=lambda item: item[0],
            )
        )
        return [
            Tensor(name=prefix + name, datatype=datatype, shape=[-1, *axes] if batch else axes)
            for name, datatype, axes in items
        ]

    return ModelSettings(
        model_name=draw(NAMES),
        inputs=tensors("i"),
        outputs=tensors("o"),
        max_batch_size=batch,
        instances=draw(st.integers(1, 64)),
        gpu=draw(st.booleans()),
        threads=draw(st.one_of(st.none(), st.integers(1, 256))),
        dynamic_batching=draw(st.booleans()),
        queue_delay_microseconds=draw(st.integers(0, 60_000_000)),
        metric_tags=draw(st.dictionaries(NAMES, st.text(max_size=10), max_size=4)),
        warm_up=draw(st.booleans()),
    )


@given(settings_of_models())
def test_any_config_reads_back_equal(settings: ModelSettings) -> None:
    config = model_config(settings)

    text = config_text(config)

    assert parse_config(text) == config
    assert config_text(parse_config(text)) == text


@given(settings_of_models())
def test_no_config_has_what_stalls_or_surprises(settings: ModelSettings) -> None:
    config: Any = model_config(settings)

    assert not config.dynamic_batching.HasField("default_queue_policy")
    assert not config.dynamic_batching.priority_levels
    assert config.HasField("dynamic_batching") == (
        settings.dynamic_batching and settings.max_batch_size > 1
    )
    assert all(row.dims and not row.format for row in config.input)
    assert len(config.instance_group) == 1
    sizes = [sample.batch_size for sample in config.model_warmup]
    assert sizes in ([], [1], [1, settings.max_batch_size])
    assert all(
        axis > 0
        for sample in config.model_warmup
        for data in sample.inputs.values()
        for axis in data.dims
    )


@given(settings_of_models())
def test_order_of_metric_tags_does_not_change_the_text(settings: ModelSettings) -> None:
    turned = replace(settings, metric_tags=dict(reversed(settings.metric_tags.items())))

    assert config_text(model_config(turned)) == config_text(model_config(settings))


def test_message_is_the_one_of_triton() -> None:
    config: Message = model_config(HAPPY)

    assert config.DESCRIPTOR.full_name == "inference.ModelConfig"
