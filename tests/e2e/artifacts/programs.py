"""The programs of client/, run in pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from e2e.kubectl import CommandFailed, Pod


def run(pod: Pod, name: str, *arguments: str, timeout: float = 180, variables: Mapping[str, str] | None = None) -> Any:
    """Run a program of client/ in a pod with further variables, and return what it printed last, as JSON."""
    program = Path(__file__).parent.joinpath("client", f"{name}.py").read_text(encoding="utf-8")
    settings = [f"{key}={value}" for key, value in (variables or {}).items()]
    output = pod.execute("env", *settings, "python", "-c", program, *arguments, timeout=timeout)
    try:
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        message = f"{name}.py printed no JSON but: {output}"
        raise CommandFailed(message) from None
