"""The `onnxruntime` backend of the CPU image: the real ONNX Runtime behind Triton's Python backend.

A config.pbtxt for NVIDIA's image works unchanged. Only what the C++ backend does on CPUs exists.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

EXECUTION_MODES = {
    "0": onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
    "1": onnxruntime.ExecutionMode.ORT_PARALLEL,
}
GRAPH_LEVELS = {
    "0": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "1": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "-1": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "2": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
"""`optimization.graph.level` as the C++ backend reads it."""


class ConfigError(Exception):
    """The config does not fit the model or this image; becomes the reason of the failed load."""


class TritonPythonModel:
    """One instance: its own session, hence its own copy of the weights and its own threads."""

    @staticmethod
    def auto_complete_config(config):
        """Nothing is completed: the operator's configs are complete."""
        return config

    def initialize(self, args):
        """Open the model.

        Raises:
            ConfigError, or whatever ONNX Runtime says about the file: the load fails with it.
        """
        config = json.loads(args["model_config"])
        if args["model_instance_kind"] == "GPU":
            raise ConfigError("KIND_GPU: this image runs on CPUs only, use NVIDIA's on GPUs")
        name = config.get("default_model_filename") or "model.onnx"
        path = Path(args["model_repository"], args["model_version"], name)
        self.session = onnxruntime.InferenceSession(
            str(path), session_options(config), providers=["CPUExecutionProvider"]
        )
        self.inputs = [row["name"] for row in config["input"]]
        self.outputs = [row["name"] for row in config["output"]]
        check_names("input", self.inputs, {value.name for value in self.session.get_inputs()})
        check_names("output", self.outputs, {value.name for value in self.session.get_outputs()})
        self.batching = config["max_batch_size"] > 0

    def execute(self, requests):
        """One response per request; with batching, one run for all of them."""
        if self.batching:
            return self.run_together(requests)
        return [self.run_together([request])[0] for request in requests]

    def run_together(self, requests):
        """Run the requests as one batch, cut along axis 0; an error answers all of them."""
        try:
            feeds = [self.feed(request) for request in requests]
            if len(feeds) == 1:
                values = self.session.run(self.outputs, feeds[0])
                return [self.response(requests[0], values)]
            rows = [feed[self.inputs[0]].shape[0] for feed in feeds]
            joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in self.inputs}
            cuts = np.cumsum(rows)[:-1]
            parts = [np.split(value, cuts) for value in self.session.run(self.outputs, joined)]
            return [
                self.response(request, [part[index] for part in parts])
                for index, request in enumerate(requests)
            ]
        except Exception as error:
            failure = pb_utils.TritonError(f"onnx runtime error: {error}")
            return [pb_utils.InferenceResponse(error=failure) for _ in requests]

    def feed(self, request):
        """The request's tensors by name."""
        return {
            name: decoded(pb_utils.get_input_tensor_by_name(request, name).as_numpy())
            for name in self.inputs
        }

    def response(self, request, values):
        """The outputs that the request asked for."""
        wanted = set(request.requested_output_names())
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor(name, np.ascontiguousarray(value))
                for name, value in zip(self.outputs, values, strict=True)
                if name in wanted
            ]
        )


def session_options(config):
    """The parameters of the C++ backend that matter on a CPU.

    Raises:
        ConfigError: a value that the C++ backend would refuse too.
    """
    values = {key: row["string_value"] for key, row in config.get("parameters", {}).items()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = whole_number(values, "intra_op_thread_count")
    options.inter_op_num_threads = whole_number(values, "inter_op_thread_count")
    options.execution_mode = choice(values, "execution_mode", EXECUTION_MODES)
    options.enable_cpu_mem_arena = whole_number(values, "enable_mem_arena", 1) != 0
    options.enable_mem_pattern = whole_number(values, "enable_mem_pattern", 1) != 0
    graph = config.get("optimization", {}).get("graph", {})
    options.graph_optimization_level = choice(
        {"optimization.graph.level": str(graph.get("level", 0))},
        "optimization.graph.level",
        GRAPH_LEVELS,
    )
    return options


def whole_number(values, key, default=0):
    """The number of a parameter, or `default` where it is absent."""
    text = values.get(key, str(default))
    if not text.isdecimal():
        raise ConfigError(f'parameter {key}: "{text}" is not a whole number')
    return int(text)


def choice(values, key, table):
    """The table's value for a parameter; an absent one means "0"."""
    text = values.get(key, "0")
    if text not in table:
        raise ConfigError(f'{key}: "{text}" is not one of {", ".join(table)}')
    return table[text]


def decoded(values):
    """Strings as `str`: ONNX Runtime would take the text of `bytes` objects, b'…' and all.

    Raises:
        UnicodeDecodeError: a string is not UTF-8.
    """
    if values.dtype != np.object_:
        return values
    flat = [value.decode() for value in values.ravel()]
    return np.array(flat, dtype=np.object_).reshape(values.shape)


def check_names(kind, configured, existing):
    """A configured tensor that the model lacks would fail every request: fail the load instead."""
    for name in configured:
        if name not in existing:
            known = ", ".join(sorted(existing))
            raise ConfigError(f'unexpected inference {kind} "{name}", the model has: {known}')
