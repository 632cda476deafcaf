#!/usr/bin/env python3
"""Fills the build context of the operator's image.

`context.py FOLDER` writes `site/` (the pinned dependencies), `project/` (the operator) and `bin/`
into FOLDER, apart from each other because dependencies change seldom and are most of the image.
`context.py --inputs` prints the files that decide what comes out, relative to the repository's
root.
"""

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from pinned_packages import drop, install, install_project, settle  # noqa: E402

REQUIREMENTS = REPOSITORY / "requirements" / "operator.txt"
PROJECT = ("pyproject.toml", "LICENSE", "operator/triton_operator")
"""What the wheel is built from. Not the README, or each edit of it would make a new image."""
INPUTS = (
    "images/operator",
    "images/pinned_packages.py",
    "requirements/operator.txt",
    *PROJECT,
)

UNUSED_PACKAGES = (
    "bin",
    "**/tests",
    "cel_expr_python/ext",
    "onnx/backend/test",
    "numpy/f2py",
    "numpy/**/*.a",
    "**/*.pyi",
    "**/*.proto",
)


def stage_project(stage: Path) -> None:
    """Copy what the wheel is built from, so that nothing is written into the repository."""
    for name in PROJECT:
        source, target = REPOSITORY / name, stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    (stage / "README.md").touch()


def make_context(folder: Path) -> None:
    """Fill `folder`; whatever it holds of an earlier call is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("site", "project", "bin"):
        shutil.rmtree(folder / name, ignore_errors=True)
    print("unpacking the operator's dependencies", flush=True)
    install(REQUIREMENTS, folder / "site")
    drop(folder / "site", UNUSED_PACKAGES)
    print("building the operator's wheel", flush=True)
    with tempfile.TemporaryDirectory() as stage:
        stage_project(Path(stage))
        install_project(Path(stage), folder / "project")
    # The one pip wrote names the Python of the machine that builds.
    drop(folder / "project", ("bin",))
    (folder / "bin").mkdir()
    command = folder / "bin" / "triton-operator"
    shutil.copyfile(HERE / "triton-operator", command)
    command.chmod(0o755)
    settle(folder)


def main(arguments: list[str]) -> int:
    """Exit code 2 for wrong arguments."""
    if arguments == ["--inputs"]:
        print("\n".join(INPUTS))
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: context.py FOLDER | --inputs", file=sys.stderr)
        return 2
    make_context(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
