"""List a bucket: ``bucket.py ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY BUCKET`` prints the keys."""

import json
import sys

import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]

endpoint, access_key_id, secret_access_key, name = sys.argv[1:]
client = boto3.client(
    "s3", endpoint_url=endpoint, aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key
)
print(json.dumps([item["Key"] for item in client.list_objects_v2(Bucket=name).get("Contents", [])]))  # noqa: T201
