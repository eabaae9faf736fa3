"""Say for each "host:port" whether it accepts a connection: ``connect.py HOST:PORT...``."""

import json
import socket
import sys


def connects(host: str, port: str) -> bool:
    """Try once; a name that does not resolve is an error, not an answer."""
    address = socket.gethostbyname(host)
    try:
        with socket.create_connection((address, int(port)), timeout=10):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps({target: connects(*target.rsplit(":", 1)) for target in sys.argv[1:]}))  # noqa: T201 - the answer
