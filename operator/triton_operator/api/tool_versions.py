"""Versions of what converts models: other ones may give a copy other bytes.

They are read from what is installed, without an import: the operator compares them with those in
profiles, and must not load what works on models.
"""

from importlib.metadata import PackageNotFoundError, version

CONVERTERS = ("numpy", "onnx", "onnxruntime")
CONVERSION_REVISION = "2"
"""Of the code here that converts and compares: raised when it gives other bytes, or rejects what it
accepted. Not this program's version, or each release would take services back to FP32 until their
copies are compared anew."""


def tool_versions() -> dict[str, str]:
    """Versions of all that has a hand in the bytes of a copy; what is not installed is left out."""
    found = {}
    for name in CONVERTERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A laptop has an operator without what Jobs need. No copy was made with that either.
            continue
    return {**found, "conversion": CONVERSION_REVISION}
