"""Be the door of a SQL Server: let FreeTDS knock, print the login that it sends as JSON, and refuse it.

No registry has a SQL Server; its login packet is documented (MS-TDS, 2.2.6.4).
"""

import json
import socketserver
import struct
from typing import Any

PRELOGIN, RESPONSE, LOGIN = 0x12, 0x04, 0x10
NO_ENCRYPTION = 2
FIELDS = ("host", "user", "password", "program", "server", "", "library", "language", "database")


def login(packet: bytes) -> dict[str, str]:
    """Return the texts of a login."""
    found = {}
    for number, name in enumerate(FIELDS):
        offset, length = struct.unpack_from("<HH", packet, 36 + 4 * number)
        raw = packet[offset : offset + 2 * length]
        if name == "password":  # half bytes changed round, and some bits turned
            raw = bytes(((byte ^ 0xA5) << 4 | (byte ^ 0xA5) >> 4) & 0xFF for byte in raw)
        if name:
            found[name] = raw.decode("utf-16-le")
    return found


def refusal(packet: bytes) -> bytes:
    """Return the answer to a login that is wrong, as the client's version of the protocol has it."""
    newer = packet[7] >= 0x72
    text = "Login failed for user."
    words = struct.pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0" + struct.pack("<I" if newer else "<H", 1)
    error = struct.pack("<IBB", 18456, 1, 14) + words
    done = struct.pack("<HH", 2, 0) + bytes(8 if newer else 4)
    return b"\xaa" + struct.pack("<H", len(error)) + error + b"\xfd" + done


class Door(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self) -> None:
        """Read packets until the client goes."""
        while (found := self.read()) is not None:
            kind, packet = found
            if kind == PRELOGIN:
                options = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + bytes([16, 0, 0, 0, 0, 0, NO_ENCRYPTION])
                self.answer(options)
            elif kind == LOGIN:
                self.say(login(packet))
                self.answer(refusal(packet))
            else:
                self.say({"packet": hex(kind)})
                return

    def read(self) -> tuple[int, bytes] | None:
        """Return a message, of one packet or several."""
        message = b""
        while len(header := self.rfile.read(8)) == 8:
            kind, last, length = header[0], header[1] & 1, int.from_bytes(header[2:4], "big")
            message += self.rfile.read(length - 8)
            if last:
                return kind, message
        return None

    def answer(self, message: bytes) -> None:
        """Send a message."""
        self.wfile.write(struct.pack(">BBHHBB", RESPONSE, 1, len(message) + 8, 0, 1, 0) + message)

    def say(self, found: dict[str, Any]) -> None:
        """Print what came."""
        print(json.dumps(found), flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    socketserver.ThreadingTCPServer(("", 1433), Door).serve_forever()  # a test's
