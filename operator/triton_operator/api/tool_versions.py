"""Versions of what converts models: other ones may give a copy other bytes.

They are read from what is installed, without an import: the operator compares them with those in
profiles, and must not load what works on models.
"""

from importlib.metadata import PackageNotFoundError, version

from triton_operator import __version__

CONVERTERS = ("numpy", "onnx", "onnxruntime")


def tool_versions() -> dict[str, str]:
    """Versions of all that has a hand in the bytes of a copy; what is not installed is left out."""
    found = {}
    for name in CONVERTERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A laptop has an operator without what Jobs need. No copy was made with that either.
            continue
    return {**found, "triton-operator": __version__}
