"""Passwords that break whatever can be broken, and the forms in which one could leak."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import quote, quote_plus

PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F))
"""Every printable ASCII character; it begins with a blank."""
_MARKERS = {name: secrets.token_hex(8) for name in ("odd", "tracker", "modeller")}
PASSWORDS = {
    "odd": f"{PRINTABLE}äß€漢😀{_MARKERS['odd']} ",
    "tracker": f'"{PRINTABLE[::-1]}ñ{_MARKERS["tracker"]}"',
    "modeller": f"'${{password}}$(PGHOST)%(x)s#;{_MARKERS['modeller']}é\\",
}


def marker(name: str) -> str:
    """Return the part of a password that is nowhere else."""
    return _MARKERS[name]


def forms(value: str) -> set[str]:
    """Return a value as it is, in JSON, in a URL and in base64."""
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    return {value, json.dumps(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value), encoded}
