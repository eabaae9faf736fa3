"""Start a program with variables that hold URL-encoded secrets, for drivers that take them in a URI only.

``launch.py SETTINGS COMMAND [ARGUMENT ...]``: the settings say which variables, and by which other variables
their secrets come. The URI is in the environment of the started process, and in no argument and no file.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote


def complete(settings: dict[str, Any], environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with every variable of the settings, and without their parts."""
    parts = {variable for setting in settings.values() for variable in setting["variables"].values()}
    others = {name: value for name, value in environment.items() if name not in parts}
    return others | {name: _complete(setting, environment) for name, setting in settings.items()}


def _complete(setting: dict[str, Any], environment: dict[str, str]) -> str:
    encoded = {key: quote(environment[variable], safe="") for key, variable in setting["variables"].items()}
    # All at once: a value may look like a placeholder itself.
    return re.sub(r"\$\{(\w+)\}", lambda found: encoded[found[1]], setting["text"])


def main(arguments: list[str]) -> None:
    """Become the program, in the same process: it gets every signal."""
    settings = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    os.execvpe(arguments[1], arguments[1:], complete(settings, dict(os.environ)))  # noqa: S606 - the pod's own command


if __name__ == "__main__":
    main(sys.argv[1:])
