"""Log somebody in through a provider's form, as a browser does: ``log_in.py BASE START NAME PASSWORD``.

Prints where that ended, with the cookies of the server that was asked at first.
"""

import json
import sys
import warnings
from typing import Any
from urllib.parse import urlsplit

import requests


def log_in(base: str, start: str, name: str, password: str) -> dict[str, Any]:
    """Follow redirects to the form, fill it in once, and follow redirects back."""
    session = requests.Session()
    session.verify = False
    page = session.get(base + start, headers={"Accept": "text/html"})
    if 'name="password"' in page.text:
        page = session.post(page.url, data={"name": name, "password": password}, headers={"Accept": "text/html"})
    own = [cookie for cookie in session.cookies if cookie.domain == urlsplit(base).hostname]
    return {
        "url": page.url,
        "status": page.status_code,
        "cookies": {cookie.name: cookie.value for cookie in own},
        "text": page.text[:500],
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(log_in(*sys.argv[1:])))  # noqa: T201 - the answer
