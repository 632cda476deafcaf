"""By which label nodes tell the product of their accelerators."""

PRODUCT_LABELS = {
    "nvidia.com": "nvidia.com/gpu.product",
    "amd.com": "amd.com/gpu.product-name",
    "gpu.intel.com": "gpu.intel.com/product",
}
"""Written by NVIDIA's GPU feature discovery, AMD's node labeller and Intel's device plug-ins."""


def product_label(resource: str) -> str | None:
    """The label with the product behind an extended resource; None: the vendor has none we know."""
    return PRODUCT_LABELS.get(resource.partition("/")[0])
