"""Print what S3 says of every object of a bucket: ``s3_objects.py ENDPOINT BUCKET``."""

import json
import sys

import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]

if __name__ == "__main__":
    client, bucket = boto3.client("s3", endpoint_url=sys.argv[1]), sys.argv[2]
    found = {}
    for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        head = client.head_object(Bucket=bucket, Key=item["Key"])
        tags = client.get_object_tagging(Bucket=bucket, Key=item["Key"])["TagSet"]
        found[item["Key"]] = {
            "size": head["ContentLength"],
            "parts": int(head["ETag"].strip('"').rpartition("-")[2]) if "-" in head["ETag"] else 1,
            "encryption": head.get("ServerSideEncryption"),
            "key": head.get("SSEKMSKeyId", "").removeprefix("arn:aws:kms:"),
            "language": head.get("ContentLanguage"),
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
        }
    print(json.dumps(found))  # noqa: T201 - the answer
