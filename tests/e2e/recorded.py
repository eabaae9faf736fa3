"""What ``client/tracking.py read`` must find of what it has recorded."""

from __future__ import annotations

from typing import Any

RECORDED: dict[str, Any] = {
    "params": {"learning_rate": "0.1", "note": "a/b c%d"},
    "loss": [[0, 1.0], [1, 0.5], [2, 1 / 3]],
    "team": "e2e",
    "artifacts": ["notes/größe.txt"],
    "artifact": "42\n",
    "version": "1",
    "prediction": ["HELLO!"],
    "spans": [["question", {"question": "6 * 7"}, {"answer": 42}]],
    "default experiments": 1,
}
