"""Pages that programs write are what they would write now, and the site leaves out none."""

from __future__ import annotations

import re
from pathlib import Path

import api
import pictures
import pytest
from programs_of_users import ROOT

import cdk8s_mlflow

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", pictures.PAGES, ids=lambda page: str(page.name))
def test_pictures_are_those_of_the_golden_files(page: Path) -> None:
    """What changes in the manifests changes in the picture."""
    text = page.read_text(encoding="utf-8")
    assert "```mermaid" in text
    assert text == pictures.drawn(page), "run: make docs"


def test_a_picture_shows_every_object_that_does_something() -> None:
    """What is left out has no part in how requests and data flow."""
    left_out = {"NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"}
    for name in ("development", "staging", "production"):
        drawn = pictures.picture(name)
        missing = [
            f"{item['kind']}/{item['metadata']['name']}"
            for item in pictures.objects(name)
            if item["kind"] not in left_out and f'"{item["kind"]}<br/>{item["metadata"]["name"]}"' not in drawn
        ]
        assert missing == [], name


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    """With all its fields, from the docstrings."""
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    assert text == api.page(), "run: make docs"
    assert {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)} == {
        name for name in cdk8s_mlflow.__all__ if name != "__version__"
    }


def test_the_site_has_every_page() -> None:
    """A page that nobody can find is not written."""
    listed = re.findall(r"^ +- ([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.md"))
    assert len(listed) == len(set(listed))
