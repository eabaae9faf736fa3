"""Nothing stands on the page that nobody has tried; by its name, this file comes last."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import FOLLOWED
from .page import UNTRIED, commands

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_every_command_was_followed(request: pytest.FixtureRequest) -> None:
    """By the tests before, if all of them ran."""
    here = Path(__file__)
    ran = {item.path for item in request.session.items}
    if not ran >= set(here.parent.glob("test_*.py")):
        pytest.skip("only some of the bad days were made")
    untried = {text for blocks in commands().values() for text in blocks} - FOLLOWED
    assert {text for text in untried if not any(words in text for words in UNTRIED)} == set()
