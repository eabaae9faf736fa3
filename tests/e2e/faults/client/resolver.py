"""Answer for names what another resolver says: ``resolver.py PORT UPSTREAM``."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor


def answer(listener: socket.socket, question: bytes, asker: tuple[str, int], upstream: str) -> None:
    """Pass one question on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.settimeout(5)
        far.sendto(question, (upstream, 53))
        try:
            listener.sendto(far.recv(65536), asker)
        except OSError:
            return


def main(port: int, upstream: str) -> None:
    """Listen for ever."""
    with ThreadPoolExecutor(20) as pool, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("", port))
        while True:
            question, asker = listener.recvfrom(65536)
            pool.submit(answer, listener, question, asker, upstream)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
