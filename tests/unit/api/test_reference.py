"""The field reference names every field, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from triton_operator.api.crd import all_crds
from triton_operator.api.crd.reference import main, reference
from triton_operator.api.crd.schema import VALIDATIONS, nodes

REPOSITORY = Path(__file__).parents[3]


def test_every_field_and_every_rule_is_in_it() -> None:
    text = reference()

    for definition in all_crds():
        root = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for part in ("spec", "status"):
            for node in nodes(root["properties"].get(part, {"type": "object"})):
                for name in node.get("properties", ()):
                    assert f"| `{name}` |" in text
                for rule in node.get(VALIDATIONS, ()):
                    assert rule["message"].replace("<", "&lt;") in text


def test_links_lead_to_headings() -> None:
    text = reference()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    links = set(re.findall(r"\]\(#([^)]*)\)", text))

    assert links
    assert links <= anchors


def test_rows_have_as_many_cells_as_their_table() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", reference(), re.MULTILINE):
        counts = {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(counts) == 1, table


def test_one_row_in_full() -> None:
    assert (
        "| `maxBatchSize` | integer |  | Fixed: exactly this. Auto: an upper bound. | 1 to 4096 |"
        in reference().splitlines()
    )


def test_check_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reference.md"

    assert main(["--check", str(path)]) == 1
    assert f"--write {path}" in capsys.readouterr().err
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0


def test_checked_in_reference_is_what_the_models_say() -> None:
    assert (REPOSITORY / "docs/reference.md").read_text(encoding="utf-8") == reference()
