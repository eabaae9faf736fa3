"""Create buckets: ``buckets.py ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY BUCKET...``."""

import json
import sys

import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]

if __name__ == "__main__":
    endpoint, access_key_id, secret_access_key, *buckets = sys.argv[1:]
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key
    )
    for bucket in buckets:
        client.create_bucket(Bucket=bucket)
    print(json.dumps([bucket["Name"] for bucket in client.list_buckets()["Buckets"]]))  # noqa: T201 - the answer
