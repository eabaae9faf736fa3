"""What a pod's first container uses, as its cgroup counts it: version 1 or 2, read inside the container."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
from e2e.kubectl import Pod

FOLDERS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup")
NAMES = ("memory.stat", "cpuacct.usage", "cpu.stat", "cgroup.procs")


@attrs.frozen
class Usage:
    """What one or several containers use."""

    memory: float
    """MiB that no file backs: page cache is not the program's."""
    cpu: float
    """Seconds since its start."""
    processes: int

    def __add__(self, other: Usage) -> Usage:
        """Add another container."""
        return Usage(self.memory + other.memory, self.cpu + other.cpu, self.processes + other.processes)


def usage(pods: Iterable[Pod]) -> Usage:
    """Return what pods use together."""
    total = Usage(0, 0, 0)
    for pod in pods:
        files = [f"{folder}/{name}" for folder in FOLDERS for name in NAMES]
        total += parsed(pod.attempt("tail", "-v", "-n", "+1", *files).stdout)
    return total


def parsed(text: str) -> Usage:
    """Read what ``tail -v`` shows of the files that are there; one of the processes is ``tail`` itself."""
    files = dict(re.findall(r"^==> /sys/fs/cgroup/(\S+) <==\n(.*?)(?=\n*^==>|\Z)", text, re.MULTILINE | re.DOTALL))
    first = "memory/memory.stat" in files
    memory = _number(files["memory/memory.stat" if first else "memory.stat"], "total_rss" if first else "anon")
    cpu = float(files["cpuacct/cpuacct.usage"]) / 1e9 if first else _number(files["cpu.stat"], "usage_usec") / 1e6
    processes = files["memory/cgroup.procs" if first else "cgroup.procs"].split()
    return Usage(memory / 2**20, cpu, len(processes) - 1)


def _number(text: str, name: str) -> float:
    return next(float(line.split()[1]) for line in text.splitlines() if line.split()[0] == name)
