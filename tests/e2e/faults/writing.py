"""A client that writes while something is broken, and what it found: gaps, refusals, and what was lost."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from e2e.installation import Installation
from e2e.kubectl import Pod
from e2e.results import record

PROGRAM = Path(__file__).parent.joinpath("client", "writer.py").read_text(encoding="utf-8")
EVERYTHING = ("API", "artifacts")
NOTHING: dict[str, list[int]] = {"API": [], "artifacts": []}


@attrs.define
class Writing:
    """What came of it; filled when the client has ended."""

    acknowledged: dict[str, list[int]] = attrs.field(factory=dict)
    failed: dict[str, dict[str, int]] = attrs.field(factory=dict)
    """How many requests of a kind ended how."""
    away: dict[str, float] = attrs.field(factory=dict)
    """The longest time between two acknowledged requests of a kind, in seconds."""
    lost: dict[str, list[int]] = attrs.field(factory=dict)
    """What was acknowledged and is not there."""

    def keep(self, fault: str, healed: str = "by itself", lost: str = "nothing") -> None:
        """Put the fault on the page of faults."""
        refused = sum(sum(counts.values()) for counts in self.failed.values())
        columns = {
            "lost": lost,
            "API unavailable, s": self.away.get("API", ""),
            "artifacts unavailable, s": self.away.get("artifacts", ""),
            "requests failed": f"{refused} of {refused + sum(map(len, self.acknowledged.values()))}",
            "healed": healed,
        }
        print(json.dumps({fault: columns, "failed": self.failed}))  # noqa: T201 - shown with -s
        record("faults", fault, columns)


@contextmanager
def writing(
    client: Pod, server: Installation, *kinds: str, token: str = "", authority: str = "", rest: float = 8
) -> Iterator[Writing]:
    """Write until the end of the block, and ``rest`` seconds before it and after it."""
    found, stop = Writing(), f"/tmp/{uuid.uuid4().hex}"  # noqa: S108 - in the pod
    variables = [f"WRITER_TOKEN={token}", *([f"REQUESTS_CA_BUNDLE={authority}"] if authority else [])]
    process = client.start("env", *variables, "python", "-c", PROGRAM, server.uri, stop, *(kinds or EVERYTHING))
    try:
        time.sleep(rest)
        assert process.poll() is None, process.communicate()
        yield found
        time.sleep(rest)
    finally:
        client.execute("touch", stop)
        output, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    for name, value in answer.items():
        setattr(found, name, value)
    assert all(found.acknowledged.values()), answer
