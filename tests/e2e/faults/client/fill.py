"""Fill a bucket until it takes nothing more, or empty it: ``fill.py fill|empty URL KEY SECRET BUCKET``."""

import sys
from typing import Any

import boto3  # type: ignore[import-untyped, import-not-found, unused-ignore]
import botocore.exceptions  # type: ignore[import-untyped, import-not-found, unused-ignore]

PREFIX, LARGE, LITTLE, MANY = "fill/", 2**23, 2**14, 1000


def refusal(s3: Any, bucket: str, name: str, size: int) -> str:
    """Return why the bucket takes no more; nothing if it does."""
    try:
        s3.put_object(Bucket=bucket, Key=f"{PREFIX}{name}", Body=b"x" * size)
    except botocore.exceptions.ClientError as error:
        return str(error)
    return ""


def fill(s3: Any, bucket: str) -> str:
    """Return why the bucket took no more in the end, not even a little."""
    why = ""
    for size in (LARGE, LITTLE):
        refusals = (refusal(s3, bucket, f"{size}-{number}", size) for number in range(MANY))
        why = next(filter(None, refusals), "")
    return why


def empty(s3: Any, bucket: str) -> str:
    """Remove what was filled in."""
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=PREFIX).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=item["Key"])
    return ""


def main(action: str, url: str, key: str, secret: str, bucket: str) -> str:
    """Do one or the other."""
    s3 = boto3.client("s3", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret)
    return fill(s3, bucket) if action == "fill" else empty(s3, bucket)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))  # noqa: T201 - the answer
