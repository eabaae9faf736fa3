"""The programs of client/, run in pods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from e2e.environments import program
from e2e.kubectl import Pod, last_answer


def run(pod: Pod, name: str, *arguments: str, timeout: float = 180, variables: Mapping[str, str] | None = None) -> Any:
    """Run a program of client/ in a pod with further variables, and return what it printed last, as JSON."""
    settings = [f"{key}={value}" for key, value in (variables or {}).items()]
    output = pod.execute(
        "env", *settings, "python", "-c", program(name, Path(__file__).parent), *arguments, timeout=timeout
    )
    return last_answer(f"{name}.py", output)
