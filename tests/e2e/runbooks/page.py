"""The page of the runbooks, and its commands, run as they are written but for the namespace and what has capitals."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import attrs

PAGE = Path(__file__).parents[3] / "docs" / "runbooks.md"
_BLOCK = re.compile(r"^ *```console\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PROMPT = re.compile(r"^ *\$ ", re.MULTILINE)
FIRST = "Runbooks"
"""The heading above what is always done."""
NO_NAMES: Mapping[str, str] = {}
UNTRIED = {"describe certificate": "the tests' cluster has cert-manager's kinds of objects, and no cert-manager"}
"""Blocks that no test follows, by what stands in them."""


def commands() -> dict[str, list[str]]:
    """Return the commands of each entry in their order, a block in one piece."""
    found = re.split(r"^#+ (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        heading: [_PROMPT.sub("", block).strip() for block in _BLOCK.findall(text)]
        for heading, text in zip(found[::2], found[1::2], strict=True)
    }


@attrs.frozen
class Reader:
    """Somebody who follows the page for a release ``mlflow`` in a namespace of the tests."""

    namespace: str
    followed: set[str]
    """The blocks of commands that were run by anybody."""

    def attempt(
        self,
        entry: str,
        words: str,
        *,
        typed: str = "",
        folder: Path | None = None,
        names: Mapping[str, str] = NO_NAMES,
    ) -> subprocess.CompletedProcess[str]:
        """Run the one block of an entry in which these words stand; return how it ended.

        What is typed is its standard input; files lie in the folder; ``names`` stand for examples and capitals.
        """
        [block] = [item for item in commands()[entry] if words in item]
        self.followed.add(block)
        return subprocess.run(
            ["bash", "-o", "pipefail", "-ec", self._written(block, names)],
            input=typed,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=folder,
        )

    def follow(
        self,
        entry: str,
        words: str,
        *,
        typed: str = "",
        folder: Path | None = None,
        names: Mapping[str, str] = NO_NAMES,
    ) -> str:
        """Run a block, whose commands must succeed, and return what they say."""
        done = self.attempt(entry, words, typed=typed, folder=folder, names=names)
        assert done.returncode == 0, (
            f"{entry}: status {done.returncode} of\n{done.args[-1]}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def finds(
        self, entry: str, words: str, expected: str, timeout: float = 180, names: Mapping[str, str] = NO_NAMES
    ) -> str:
        """Run a block until it says what the page lets one expect."""
        deadline = time.monotonic() + timeout
        while expected not in (said := self.attempt(entry, words, names=names).stdout):
            assert time.monotonic() < deadline, f"{entry}: {expected!r} is not in what this says: {words}\n{said}"
            time.sleep(2)
        return said

    def _written(self, block: str, names: Mapping[str, str]) -> str:
        text = block.replace("-n mlflow ", f"-n {self.namespace} ")
        for name, value in names.items():
            assert name in text, f"{name} is not in {text}"
            text = text.replace(name, value)
        return text
