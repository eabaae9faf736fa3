"""Watch the anonymous memory of all processes of this pod's container: ``anonymous_memory.py FILE``.

Prints the MiB at the start and at the highest, once FILE is there.
"""

import json
import os
import sys
import time
from pathlib import Path


def anonymous() -> int:
    """Return the KiB of all processes but this one."""
    total = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                lines = folder.joinpath("status").read_text(encoding="utf-8").splitlines()
            except OSError:  # it has ended
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    return total


if __name__ == "__main__":
    end = Path(sys.argv[1])
    before = highest = anonymous()
    print("watching", flush=True)  # noqa: T201 - for whoever waits
    while not end.exists():
        highest = max(highest, anonymous())
        time.sleep(0.02)
    print(json.dumps({"before": before // 1024, "highest": highest // 1024}))  # noqa: T201 - the answer
