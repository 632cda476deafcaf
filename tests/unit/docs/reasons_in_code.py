"""Which reasons the code can give: constants of the two reason modules, and what others name."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

from tests.unit.docs.pages import REPOSITORY
from triton_operator.api import reasons as api_reasons
from triton_operator.model import reasons as model_reasons

SOURCES = REPOSITORY / "operator" / "triton_operator"
CARRIERS = frozenset({"Refusal", "Finding", "PodProblem", "ApplyProblem", "Failure"})
"""Values that carry a reason: as the keyword `reason`, or as the first of two strings."""
CONSTRUCTED = frozenset({"ModelRefused", "SourceRefused", "SourceUnavailable", "WorkFailed"})
"""Exceptions whose first argument is a reason."""


def documented_constants(module: ModuleType) -> dict[str, bool]:
    """Value of each constant of a module → whether a docstring follows it."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    found = {}
    for statement, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        match statement:
            case ast.Assign(value=ast.Constant(value=str() as text)):
                found[text] = isinstance(following, ast.Expr)
    return found


def condition_types() -> set[str]:
    """The constants of `api.reasons` that need no explanation there: types of conditions."""
    return {text for text, explained in documented_constants(api_reasons).items() if not explained}


def known_reasons() -> dict[str, str]:
    """Every reason that the code can give → where it was found first."""
    explained = {
        text: "api/reasons.py"
        for text, is_reason in documented_constants(api_reasons).items()
        if is_reason
    }
    from_jobs = dict.fromkeys(documented_constants(model_reasons), "model/reasons.py")
    return {**_named_elsewhere(), **from_jobs, **explained}


def _named_elsewhere() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: statement.value.value
            for statement in tree.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, str)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (argument := _reason_argument(node)) is not None:
                match argument:
                    case ast.Constant(value=str() as text):
                        found.setdefault(text, str(path.relative_to(SOURCES)))
                    case ast.Name(id=name) if name in constants:
                        found.setdefault(constants[name], str(path.relative_to(SOURCES)))
    return found


def _reason_argument(call: ast.Call) -> ast.expr | None:
    name = call.func.id if isinstance(call.func, ast.Name) else None
    if name in CONSTRUCTED:
        return call.args[0] if call.args else None
    if name not in CARRIERS:
        return None
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "reason"), None)
    return named or (call.args[0] if call.args else None)
