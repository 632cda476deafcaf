"""`python -m triton_operator.api.crd`: write the definitions into folders, or check them there."""

import argparse
import sys
from pathlib import Path

from triton_operator.api.crd.files import outdated, write
from triton_operator.api.crd.schema import SchemaError


def main(arguments: list[str]) -> int:
    """Exit code: 0 done, 1 a file is not what the models say, 2 the models have no schema."""
    parser = argparse.ArgumentParser(prog="python -m triton_operator.api.crd", description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", nargs="+", type=Path, metavar="DIR", help="write the files")
    mode.add_argument("--check", nargs="+", type=Path, metavar="DIR", help="compare the files")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.write:
            for folder in chosen.write:
                for path in write(folder):
                    sys.stdout.write(f"wrote {path}\n")
            return 0
        stale = [path for folder in chosen.check for path in outdated(folder)]
    except SchemaError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for path in stale:
        sys.stderr.write(f"{path} is not what the models say\n")
    if stale:
        folders = " ".join(str(folder) for folder in chosen.check)
        sys.stderr.write(f"run: python -m triton_operator.api.crd --write {folders}\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
