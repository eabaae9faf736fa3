"""Print at which ports of an address MLflow says that it is well: ``healthy_ports.py ADDRESS PORT...``."""

import http.client
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor

NOBODY_IN_PARTICULAR = ssl._create_unverified_context()  # noqa: S323 - whoever answers is found


def says(connection: http.client.HTTPConnection) -> str:
    """Return what is answered; nothing where nobody is."""
    try:
        connection.request("GET", "/health")
        return connection.getresponse().read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def is_healthy(port: int) -> bool:
    """Ask with and without TLS."""
    address = sys.argv[1]
    plain = http.client.HTTPConnection(address, port, timeout=5)
    secure = http.client.HTTPSConnection(address, port, timeout=5, context=NOBODY_IN_PARTICULAR)
    return "OK" in (says(plain), says(secure))


if __name__ == "__main__":
    asked = [int(port) for port in sys.argv[2:]]
    with ThreadPoolExecutor(16) as pool:
        found = pool.map(is_healthy, asked)
    print(json.dumps([port for port, healthy in zip(asked, found, strict=True) if healthy]))  # noqa: T201 - the answer
