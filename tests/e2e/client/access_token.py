"""Fetch an access token by client credentials: ``access_token.py DISCOVERY_URL CLIENT_ID CLIENT_SECRET RESOURCE``."""

import json
import sys
import warnings

import requests


def fetch(discovery_url: str, client_id: str, client_secret: str, resource: str) -> str:
    """Return the token."""
    endpoint = requests.get(discovery_url, verify=False, timeout=30).json()["token_endpoint"]  # noqa: S501
    form = {"grant_type": "client_credentials", "resource": resource}
    answer = requests.post(
        endpoint,
        data={**form, "client_id": client_id, "client_secret": client_secret},
        verify=False,  # noqa: S501 - the test's own
        timeout=30,
    )
    return str(answer.json()["access_token"])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(fetch(*sys.argv[1:])))  # noqa: T201 - the answer
