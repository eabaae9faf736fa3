"""The page of all errors is what the source says, and every message that somebody gets is on it."""

from __future__ import annotations

import ast

import errors
import pytest
from unit.test_wrong_inputs import WRONG
from unit.test_wrong_logins import WRONG as WRONG_LOGINS

from cdk8s_mlflow import InvalidProps
from cdk8s_mlflow.failures import TypeFailure
from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.plan import plan

MESSAGES = errors.messages()
CASES = {**WRONG, **WRONG_LOGINS}


def test_the_page_is_that_of_the_source() -> None:
    """`make docs` writes it anew."""
    assert errors.PAGE.read_text(encoding="utf-8") == errors.page(), "run: make docs"


def test_every_message_has_a_place_and_a_cure() -> None:
    """A module without a group, or a pod's message without advice, is noticed here."""
    assert [message for message in MESSAGES if not errors.group(message) or not message.cure.strip()] == []


def test_no_cure_is_for_a_message_that_is_gone() -> None:
    """What is written by hand follows the source."""
    assert set(errors.CURES) <= {message.says for message in MESSAGES}


@pytest.mark.parametrize("name", CASES)
def test_every_wrong_input_is_answered_from_the_page(name: str) -> None:
    """Messages of a wrong type are one line of the page; each other one is its own."""
    with pytest.raises(InvalidProps) as caught:
        define_manifests(plan(CASES[name][0](), name="mlflow", namespace="mlflow"))
    for failure in caught.value.failures:
        known = any(message.fits(failure) for message in MESSAGES)
        assert known or (isinstance(failure, TypeFailure) and ": must be " in failure), failure


def test_every_text_that_is_raised_is_on_the_page() -> None:
    """Nobody raises a text that says no cure, or that the page's program does not see."""
    # The last one is for programmers of this package: values are checked before anything is computed of them.
    says = {*(message.says for message in MESSAGES), "not a quantity: …"}
    for file in sorted(errors.PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                text = errors.text_of(node.exc.args[0])
                words = text is not None and any(len(part.split()) > 1 for part in text.split(errors.VALUE))
                found = text is None or any(text.startswith(known) for known in says)
                assert found or not words, f"{file.name}:{node.lineno}: {text}"
