"""`python -m tests.golden --write`: the golden files, rendered anew. Without --write: compared."""

import sys

from tests.golden.rendering import COMMAND, HERE, cases, golden_path, golden_text


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--write"]):
        print(f"usage: {COMMAND}", file=sys.stderr)
        return 2
    found = cases()
    stale = [path for path in sorted(HERE.glob("*.yaml")) if path.stem not in found]
    different = [
        (golden_path(name), text)
        for name, case in found.items()
        if (text := golden_text(name, case))
        != (golden_path(name).read_text("utf-8") if golden_path(name).exists() else "")
    ]
    for path in stale:
        if arguments:
            path.unlink()
        print(f"{path.name}: no case has this name" + (", removed" if arguments else ""))
    for path, text in different:
        if arguments:
            path.write_text(text, encoding="utf-8")
        print(f"{path.name}: " + ("written" if arguments else "differs"))
    return 0 if arguments or not (stale or different) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
