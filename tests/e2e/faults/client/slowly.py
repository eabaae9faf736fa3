"""Pass connections on to a server, each answer as late as a file says: ``slowly.py PORT HOST FILE``."""

import contextlib
import socket
import sys
import threading
import time
from pathlib import Path


def delay(file: Path) -> float:
    """Return how many seconds every piece of an answer waits."""
    with contextlib.suppress(OSError, ValueError):
        return float(file.read_text(encoding="utf-8"))
    return 0


def pump(source: socket.socket, target: socket.socket, file: Path | None) -> None:
    """Pass on whatever comes, until one of the two has gone."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            if file:
                time.sleep(delay(file))
            target.sendall(piece)
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


def main(port: int, host: str, file: Path) -> None:
    """Listen for ever."""
    with socket.create_server(("", port), backlog=200) as listener:
        while True:
            near, _ = listener.accept()
            try:
                far = socket.create_connection((host, port), 5)
            except OSError:
                near.close()
                continue
            threading.Thread(target=pump, args=(near, far, None), daemon=True).start()
            threading.Thread(target=pump, args=(far, near, file), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
