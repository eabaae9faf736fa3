"""Send a file of N MB that is never whole in this process: ``upload.py URL N`` prints the status and what came back.

It logs in by the variables of MLflow's client.
"""

import json
import os
import sys

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

BLOCK = os.urandom(1 << 16)


class File:
    """A file of a known length; one without would be sent in chunks, which MLflow stores as nothing below a prefix."""

    def __init__(self, size: int) -> None:
        """Begin at the start."""
        self.size = self.left = size

    def __len__(self) -> int:
        """Return the size, for Content-Length."""
        return self.size

    def read(self, amount: int = -1) -> bytes:
        """Return the next bytes."""
        count = min(self.left, len(BLOCK) if amount < 0 else amount, len(BLOCK))
        self.left -= count
        return BLOCK[:count]


if __name__ == "__main__":
    url, megabytes = sys.argv[1], int(sys.argv[2])
    session = requests.Session()
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        session.headers["Authorization"] = f"Bearer {token}"
    else:
        session.auth = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    sent = session.put(url, data=File(megabytes * 1_000_000), timeout=300)
    with session.get(url, stream=True, timeout=300) as answer:
        received = sum(len(block) for block in answer.iter_content(1 << 20))
    session.delete(url, timeout=60)
    print(json.dumps({"status": sent.status_code, "text": sent.text[:300], "received": received}))  # noqa: T201 - the answer
