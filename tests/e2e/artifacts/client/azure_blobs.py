"""Create a container unless it is there, and print its blobs: ``azure_blobs.py CONNECTION_STRING CONTAINER``."""

import json
import sys

from azure.storage.blob import ContainerClient  # type: ignore[import-not-found, unused-ignore]

if __name__ == "__main__":
    container = ContainerClient.from_connection_string(*sys.argv[1:])
    if not container.exists():
        container.create_container()
    print(json.dumps({blob.name: blob.size for blob in container.list_blobs()}))  # noqa: T201 - the answer
