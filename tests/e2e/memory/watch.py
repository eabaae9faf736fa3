"""The memory of a container as its cgroup counts it: at most so much that cannot be given back, and kills."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from e2e.kubectl import Pod

_CGROUP = """
if [ -e /sys/fs/cgroup/memory/memory.stat ]; then
  stat=/sys/fs/cgroup/memory/memory.stat key=total_rss kills=/sys/fs/cgroup/memory/memory.oom_control
else
  stat=/sys/fs/cgroup/memory.stat key=anon kills=/sys/fs/cgroup/memory.events
fi
"""
"""Version 1 and 2, as the container sees its own; the page cache is not counted: the kernel takes it back."""

_NOW = _CGROUP + "grep -x \"$key [0-9]*\" $stat | cut -d ' ' -f 2; grep '^oom_kill ' $kills | cut -d ' ' -f 2"

_PEAK = (
    _CGROUP
    + """
peak=0
echo watching
while [ ! -e "$1" ]; do
  while read -r name value; do
    if [ "$name" = "$key" ]; then [ "$value" -gt "$peak" ] && peak=$value; break; fi
  done < $stat
  sleep 0.05
done
echo "$peak"
"""
)
_MEBI = 2**20


@attrs.define
class Peak:
    """The highest that was seen."""

    mebibytes: int = 0


def memory(pod: Pod, container: str) -> tuple[int, int]:
    """Return the MiB that a container holds now, and how many of its processes the kernel has killed."""
    held, kills = pod.attempt("sh", "-c", _NOW, container=container).stdout.split()
    return int(held) // _MEBI, int(kills)


@contextmanager
def peak(pod: Pod, container: str) -> Iterator[Peak]:
    """Watch a container until the end of the block; what was seen is there then."""
    end, found = f"/tmp/{uuid.uuid4().hex}", Peak()  # noqa: S108 - in the client's pod or the server's own /tmp
    process = pod.start("sh", "-c", _PEAK, "sh", end, container=container)
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    try:
        yield found
    finally:
        pod.attempt("touch", end, container=container)
        output, errors = process.communicate(timeout=60)
    assert output.strip().isdigit(), errors
    found.mebibytes = int(output) // _MEBI
