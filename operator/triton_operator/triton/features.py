"""Which release brought what: Triton exits at a flag or a config field that it does not know."""

from enum import Enum

from triton_operator.triton.releases import Release


class Feature(Enum):
    """What not every release has; the value is the first one that does."""

    SUMMARY_METRICS = Release(23, 4)
    RESTRICTED_APIS = Release(23, 11)
    """Over HTTP; over gRPC some releases earlier."""
    TENSORRT_OPTIONS = Release(24, 3)
    """Of ONNX Runtime's provider: shape profiles, and where it keeps what it compiled."""
    HTTP_MAX_INPUT_SIZE = Release(25, 6)
    LATENCY_HISTOGRAMS = Release(26, 1)
    """Of ordinary models; since 24.11 only decoupled ones had them."""
    CLIENT_SHARED_MEMORY_FLAG = Release(26, 4)

    def in_release(self, release: Release) -> bool:
        """Whether `release` has it."""
        return release >= self.value
