"""Create a bucket unless it is there, and print its objects: ``gcs_objects.py ENDPOINT BUCKET``."""

import json
import os
import sys

from google.cloud import storage  # type: ignore[import-untyped, import-not-found, unused-ignore]

if __name__ == "__main__":
    os.environ["STORAGE_EMULATOR_HOST"] = sys.argv[1]
    client = storage.Client(project="tests")
    bucket = client.lookup_bucket(sys.argv[2]) or client.create_bucket(sys.argv[2])
    print(json.dumps({item.name: item.size for item in bucket.list_blobs()}))  # noqa: T201 - the answer
