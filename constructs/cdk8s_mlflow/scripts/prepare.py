"""Write credential files for drivers that read no environment variables, or share them with other databases.

Runs in an init container. ``credentials.json`` beside this file says which files; the secrets come by the
environment, and never meet an argument or a log.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

SETTINGS = Path(__file__).with_name("credentials.json")


def render(text: str, values: dict[str, str], escapes: dict[str, str]) -> str:
    """Return the text with each ``${NAME}`` replaced by its value, written as the file's format wants it."""
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            message = f"the secret {name!r} has a line break, which no credential file can hold; check its Secret"
            raise ValueError(message)
    written = {
        name: "".join(escapes.get(character, character) for character in value) for name, value in values.items()
    }
    # All at once: a value may look like a placeholder itself.
    return re.sub(r"\$\{(\w+)\}", lambda found: written[found[1]], text)


def write_files(files: list[dict[str, Any]], environment: dict[str, str]) -> None:
    """Write every file with mode 0600, files of one path joined; drivers refuse files that others may read."""
    contents: dict[str, str] = {}
    for file in files:
        values = {name: environment[variable] for name, variable in file["variables"].items()}
        values |= {name: values[name].encode("utf-8").decode("latin-1") for name in file["latin1"]}
        values |= {name: quote(values[name], safe="") for name in file["url_encoded"]}
        contents[file["path"]] = contents.get(file["path"], "") + render(file["text"], values, file["escapes"])
    for path, content in contents.items():
        Path(path).unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(content)


def write_bundles(bundles: list[str], authorities: list[str]) -> None:
    """Write the certificates that the image trusts and those of the settings into one file per reader."""
    import certifi

    parts = [certifi.where(), *authorities]
    content = "\n".join(Path(part).read_text(encoding="utf-8").strip() for part in parts) + "\n"
    for bundle in bundles:
        Path(bundle).write_text(content, encoding="utf-8")


def main() -> int:
    """Write the files of the settings; return the exit status."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    try:
        write_files(settings["files"], dict(os.environ))
        if settings["bundles"]:
            write_bundles(settings["bundles"], settings["authorities"])
    except ValueError as error:
        print(f"prepare: {error}", flush=True)
        return 1
    print(f"prepare: wrote {len({file['path'] for file in settings['files']})} credential files", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
