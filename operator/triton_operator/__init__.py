"""triton-operator: InferenceServices become measured, explained NVIDIA Triton deployments."""

__version__ = "0.1.0"
