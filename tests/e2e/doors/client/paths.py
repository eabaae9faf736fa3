"""Ask for paths as they stand: ``paths.py PATHS HOST [ADDRESS CERTIFICATE]``, PATHS a JSON list.

Prints status and text of each. With ADDRESS, connects to port 443 there by TLS and trusts CERTIFICATE alone; else
to HOST, which then has a port.
"""

import http.client
import json
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

KEPT = threading.local()


def connection() -> http.client.HTTPConnection:
    """Return this thread's connection."""
    if not hasattr(KEPT, "connection"):
        host, *door = sys.argv[2:]
        made = http.client.HTTPConnection(door[0] if door else host, 443 if door else None, timeout=60)
        if door:
            made.connect()
            trusted = ssl.create_default_context(cadata=door[1])
            made.sock = trusted.wrap_socket(made.sock, server_hostname=host)
        KEPT.connection = made
    return KEPT.connection  # type: ignore[no-any-return]


def ask(path: str) -> tuple[int, str]:
    """Send one request without a login; a connection that the server has closed is opened again."""
    for _ in range(2):
        try:
            connection().request("GET", path, headers={"Host": sys.argv[2]})
            answer = connection().getresponse()
            text = answer.read().decode(errors="replace")
        except (http.client.HTTPException, OSError):
            KEPT.connection.close()
            del KEPT.connection
            continue
        if answer.will_close:
            KEPT.connection.close()
            del KEPT.connection
        return answer.status, text[:2000]
    return 0, "the connection was closed"


if __name__ == "__main__":
    with ThreadPoolExecutor(8) as pool:
        print(json.dumps(list(pool.map(ask, json.loads(sys.argv[1])))))  # noqa: T201 - the answer
