"""List the objects of a bucket: ``objects.py ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY BUCKET``."""

import json
import sys

import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]

if __name__ == "__main__":
    endpoint, access_key_id, secret_access_key, bucket = sys.argv[1:]
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    print(json.dumps([item["Key"] for page in pages for item in page.get("Contents", [])]))  # noqa: T201 - the answer
