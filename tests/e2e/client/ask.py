"""Send HTTP requests and print the answers: ``ask.py REQUESTS``, a JSON list.

Each request has url, method, headers and body; ``via`` is the address to connect to instead of the URL's host
(as a browser does whose DNS says so), ``certificate`` the only certificate to trust.
"""

import http.client
import json
import ssl
import sys
from typing import Any
from urllib.parse import urlsplit


def ask(
    *,
    url: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: Any = None,
    via: str = "",
    certificate: str = "",
) -> dict[str, Any]:
    """Send one request over a connection of its own; redirects are answers, not followed."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    connection = http.client.HTTPConnection(via or host, parts.port or (443 if secure else 80), timeout=30)
    connection.connect()
    if secure:
        trusted = ssl.create_default_context(cadata=certificate)
        connection.sock = trusted.wrap_socket(connection.sock, server_hostname=host)
    content = None if body is None else json.dumps(body)
    sent = {"Host": parts.netloc, **({"Content-Type": "application/json"} if content else {}), **(headers or {})}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, target, content, sent)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return {"status": answer.status, "headers": {k.lower(): v for k, v in answer.getheaders()}, "text": text[:2000]}


if __name__ == "__main__":
    print(json.dumps([ask(**request) for request in json.loads(sys.argv[1])]))  # noqa: T201 - the answer
