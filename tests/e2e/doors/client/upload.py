"""Send a file of N MB that is never whole in this process: ``upload.py URL N`` prints the status and what came back."""

import json
import os
import sys
from collections.abc import Iterator

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

BLOCK = os.urandom(1_000_000)


def blocks(count: int) -> Iterator[bytes]:
    """Return the file in parts."""
    for _ in range(count):
        yield BLOCK


if __name__ == "__main__":
    url, megabytes = sys.argv[1], int(sys.argv[2])
    login = (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"])
    sent = requests.put(url, data=blocks(megabytes), auth=login, timeout=300)
    with requests.get(url, auth=login, stream=True, timeout=300) as answer:
        received = sum(len(block) for block in answer.iter_content(1 << 20))
    requests.delete(url, auth=login, timeout=60)
    print(json.dumps({"status": sent.status_code, "text": sent.text[:300], "received": received}))  # noqa: T201 - the answer
