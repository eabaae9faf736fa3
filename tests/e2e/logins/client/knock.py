"""Ask a server many things and print how it answered each: ``knock.py URL``, with requests as JSON on standard input.

Each request is a method, a path, headers, and what it sends, if that is not ``{}``; each answer its status, the
beginning of its body, and its headers.
"""

import http.client
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any
from urllib.parse import urlsplit

WRITING = {"POST", "PUT", "PATCH", "DELETE"}
memory = local()


def connection(url: str) -> http.client.HTTPConnection:
    """Return this thread's connection, a new one if the last was closed."""
    if getattr(memory, "open", None) is None:
        parts = urlsplit(url)
        if parts.scheme == "https":
            nobody_else = ssl.create_default_context()
            nobody_else.check_hostname, nobody_else.verify_mode = False, ssl.CERT_NONE
            memory.open = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=60, context=nobody_else)
        else:
            memory.open = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    opened: http.client.HTTPConnection = memory.open
    return opened


def ask(url: str, request: list[Any]) -> tuple[int, str, dict[str, str]]:
    """Return status, body and headers of the answer; no status if there is none."""
    method, path, headers, *sent = request
    body = json.dumps(*sent or [{}]) if method in WRITING else None
    if sent and isinstance(sent[0], str):
        body = sent[0]
    kind = {"Content-Type": "application/json"} if body is not None else {}
    try:
        return _answer(connection(url), method, path, body, {**kind, **headers})
    except (http.client.HTTPException, OSError):  # closed meanwhile
        memory.open = None
    try:
        return _answer(connection(url), method, path, body, {**kind, **headers})
    except (http.client.HTTPException, OSError) as error:
        memory.open = None
        return 0, f"{type(error).__name__}: {error}", {}


def _answer(
    opened: http.client.HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]
) -> tuple[int, str, dict[str, str]]:
    opened.request(method, path, body, headers)
    answer = opened.getresponse()
    said = answer.read().decode(errors="replace")
    if answer.will_close:
        memory.open = None
    return answer.status, said[:4000], {name.lower(): value for name, value in answer.getheaders()}


if __name__ == "__main__":
    requests = json.load(sys.stdin)
    with ThreadPoolExecutor(8) as pool:
        print(json.dumps(list(pool.map(lambda item: ask(sys.argv[1], item), requests))))  # noqa: T201 - the answer
