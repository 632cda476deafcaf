"""How many requests one execution may take."""

from dataclasses import dataclass

from triton_operator.api.enums import BatchingMode
from triton_operator.api.inference_service import Batching
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import SilentField
from triton_operator.planning.rebatching import is_fixed_at_one
from triton_operator.planning.refusal import Refusal

BATCHING_NOT_POSSIBLE = "BatchingNotPossible"

UNMEASURED_CPU_BATCH = 4
"""On CPU the time of a batch grows almost with its size (a 3 MB classifier, one thread: 8.5 ms at
1, 119 ms at 16), so an unmeasured bound stays small: overheads are shared, waiting hardly grows."""
UNMEASURED_GPU_BATCH = 16
"""A GPU is filled by larger batches; the bound holds until the model is measured."""


@dataclass(frozen=True)
class BatchChoice:
    """`max_batch_size` is Triton's: 0 means that tensors have no batch axis.

    `dynamic`: requests of several clients are put together.
    """

    max_batch_size: int
    dynamic: bool
    reason: str


def choose_batching(batching: Batching, facts: ModelFacts, *, gpu: bool) -> BatchChoice | Refusal:
    """The batch size for a pool, from what the spec wants and the model allows.

    A model with a batch axis keeps it with mode Off too (size 1), so that clients send the same
    shapes whatever the mode.
    """
    if facts.repository is not None:
        return _as_configured(batching, facts)
    if not facts.batchable:
        if batching.mode is BatchingMode.FIXED and batching.max_batch_size != 1:
            return Refusal(
                BATCHING_NOT_POSSIBLE,
                f"spec.batching.mode is Fixed with maxBatchSize {batching.max_batch_size}, but the "
                f"model cannot be batched: {facts.reason}{_advice(facts)}; choose Auto or Off",
            )
        return BatchChoice(0, False, f"no batching: {facts.reason}")
    if batching.mode is BatchingMode.OFF:
        return BatchChoice(1, False, "batch size 1: spec.batching.mode is Off")
    largest = facts.max_batch_size
    if batching.mode is BatchingMode.FIXED and batching.max_batch_size is not None:
        size = batching.max_batch_size
        if largest is not None and size > largest:
            return Refusal(
                BATCHING_NOT_POSSIBLE,
                f"spec.batching.maxBatchSize is {size}, but {facts.reason}; choose at most that",
            )
        return BatchChoice(size, size > 1, f"batch size {size}: spec.batching.mode is Fixed")
    default = UNMEASURED_GPU_BATCH if gpu else UNMEASURED_CPU_BATCH
    kind = "GPU" if gpu else "CPU"
    if batching.max_batch_size is not None and batching.max_batch_size < default:
        size = batching.max_batch_size
        if largest is None or size <= largest:
            return BatchChoice(size, size > 1, f"batch size {size}: bound in spec.batching")
    if largest is not None and largest < default:
        return BatchChoice(largest, largest > 1, f"batch size {largest}: {facts.reason}")
    return BatchChoice(
        default,
        True,
        f"batch size {default}: the model allows it ({facts.reason}), "
        f"and {default} is the bound for a {kind} until the model is measured",
    )


def is_free(batching: Batching, facts: ModelFacts) -> bool:
    """Whether the batch size is the plan's to choose, within `largest_allowed`."""
    return facts.repository is None and facts.batchable and batching.mode is BatchingMode.AUTO


def largest_allowed(batching: Batching, facts: ModelFacts) -> int | None:
    """The bound of the spec or the model on a batch size that is free; None: neither has one."""
    return min(filter(None, (batching.max_batch_size, facts.max_batch_size)), default=None)


def executed_size(choice: BatchChoice, batching: Batching, facts: ModelFacts) -> int:
    """The most requests in one execution with a batch size that is not free."""
    if facts.repository is not None:
        silent = SilentField.SCHEDULING in facts.repository.models[0].silent
        shared = not silent or batching.mode is not BatchingMode.OFF
        return max(1, choice.max_batch_size) if shared else 1
    return choice.max_batch_size if choice.dynamic else 1


def _advice(facts: ModelFacts) -> str:
    """What may give the model a batch axis at once, where each tensor has one of length 1."""
    if not is_fixed_at_one(facts):
        return ""
    return "; `triton-operator model convert --to DynamicBatch` makes a copy that may be batched"


def _as_configured(batching: Batching, facts: ModelFacts) -> BatchChoice | Refusal:
    """A repository keeps the batch sizes that its author chose."""
    size = facts.max_batch_size or 0
    wanted = batching.max_batch_size
    fixed = batching.mode is BatchingMode.FIXED
    if wanted is not None and (wanted != max(1, size) if fixed else wanted < size):
        return Refusal(
            BATCHING_NOT_POSSIBLE,
            f"spec.batching.maxBatchSize is {wanted}, but {facts.reason}, which is kept; change it "
            "there, or omit spec.batching.maxBatchSize",
        )
    return BatchChoice(size, False, f"batch size {size}: {facts.reason}")
