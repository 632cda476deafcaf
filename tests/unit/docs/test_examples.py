"""What a reader copies works: objects are valid, links lead somewhere, commands exist."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from e2e.sample_files import magika_model
from tests.unit.docs.pages import (
    REPOSITORY,
    Block,
    anchors,
    blocks,
    commands,
    links,
    pages,
    table_rows,
)
from triton_operator.api.group import API_VERSION
from triton_operator.cli.documents import InvalidDocument, read_documents
from triton_operator.cli.main import app

OBJECTS = [block for block in blocks("yaml") if API_VERSION in block.text]
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))
VALUES = yaml.safe_load((REPOSITORY / "charts" / "triton-operator" / "values.yaml").read_text())
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def read(text: str, folder: Path) -> int:
    """How many objects of ours a text has. Raises InvalidDocument."""
    path = folder / "example.yaml"
    path.write_text(text)
    found = read_documents(path)
    return len(found.services) + len(found.pools) + len(found.profiles) + found.of_the_fleet


@pytest.mark.parametrize("block", OBJECTS, ids=str)
def test_objects_in_the_docs_are_valid(block: Block, tmp_path: Path) -> None:
    assert read(block.text, tmp_path) == block.text.count(API_VERSION)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(path: Path) -> None:
    documents = read_documents(path)

    assert documents.services


def test_the_declared_profile_is_of_the_model_of_the_quick_start() -> None:
    """Whoever applies it where that model is placed is served."""
    documents = read_documents(REPOSITORY / "examples" / "declared-profile.yaml")
    (profile,), (service,) = documents.profiles.values(), documents.services
    shipped = magika_model()

    digest = f"sha256:{hashlib.sha256(shipped.read_bytes()).hexdigest()}"
    assert profile.digest == service.spec.model.digest == digest
    assert profile.facts
    assert profile.facts.size_bytes == shipped.stat().st_size


def test_a_mistake_in_an_example_is_noticed(tmp_path: Path) -> None:
    """Strictly: the API server would refuse the field, or worse, drop it."""
    text = OBJECTS[0].text.replace("  model:", "  modell: {}\n  model:", 1)

    with pytest.raises(InvalidDocument, match="modell"):
        read(text, tmp_path)


def test_the_readme_has_a_short_example() -> None:
    (example,) = [block for block in OBJECTS if block.page == REPOSITORY / "README.md"]

    assert len(example.text.splitlines()) <= 20


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_make_targets_exist() -> None:
    named = {
        word
        for _, command in commands()
        if command.startswith("make ")
        for word in command.split()[1:]
        if "=" not in word
    }
    for page in pages():
        named |= set(re.findall(r"`make ([a-z0-9-]+)`", page.read_text()))

    assert named >= {"demo", "test"}
    assert named <= TARGETS


def test_commands_of_ours_have_these_options() -> None:
    root = typer.main.get_command(app)
    seen = 0
    for page, command in commands():
        words = shlex.split(command.partition(" > ")[0])
        name = words[0].rpartition("/")[2]
        if name == "triton-operator":
            parse(root, words[1:], f"{page.name}: {command}")
            seen += 1

    assert seen >= 3


def parse(command: Any, words: list[str], where: str) -> None:
    """Parse as the command line does, and run nothing. Raises AssertionError."""
    if inner := getattr(command, "commands", None):
        assert words[0] in inner, where
        parse(inner[words[0]], words[1:], where)
        return
    try:
        command.make_context(where, list(words))
    except Exception as error:
        raise AssertionError(f"{where}: {error}") from error


def test_chart_values_exist() -> None:
    named = {
        setting.partition("=")[0]
        for _, command in commands()
        for setting in re.findall(r"--set(?:-string)? (\S+)", command)
    }
    for page in pages():
        named |= {
            setting.partition("=")[0]
            for setting in re.findall(r"--set(?:-string)? ([a-zA-Z.]+=)", page.read_text())
        }

    assert "image.repository" in named
    for path in named:
        value = VALUES
        for key in path.split("."):
            assert key in value, path
            value = value[key]


def test_scripts_and_files_in_commands_exist() -> None:
    missing = []
    for page, command in commands():
        for word in shlex.split(command):
            path = word.removeprefix("./")
            folders = ("examples/", "images/", "charts/", "crds/", "e2e/", "tests/")
            if path.startswith(folders) and not (REPOSITORY / path).exists():
                missing.append(f"{page.name}: {command}")

    assert missing == []


def test_every_decision_is_listed() -> None:
    page = REPOSITORY / "docs" / "decisions" / "README.md"
    listed = [re.sub(r"\[(\d+)\].*", r"\1", row[0]) for row in table_rows(page, "#", "Decision")]

    files = sorted(path.name[:4] for path in page.parent.glob("[0-9]*.md"))
    assert listed == files
    for path in page.parent.glob("[0-9]*.md"):
        sections = re.findall(r"^## (.*)$", path.read_text(), re.MULTILINE)
        assert sections == ["Context", "Decision", "Consequences", "Rejected"], path.name
