"""Start a program with variables that hold secrets which no Secret holds as they are.

``launch.py SETTINGS COMMAND [ARGUMENT ...]``: the settings say which variables, and by which other variables
their secrets come: URIs with URL-encoded parts, for drivers that take secrets nowhere else, and access tokens of an
OpenID Connect provider. They are in the environment of the started process, and in no argument and no file.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

ATTEMPTS = 6
SERVER_ERROR = 500


def complete(settings: dict[str, Any], environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with every variable of the settings, and without their parts."""
    parts = {variable for setting in settings.values() for variable in setting["variables"].values()}
    others = {name: value for name, value in environment.items() if name not in parts}
    return others | {name: _complete(setting, environment) for name, setting in settings.items()}


def _complete(setting: dict[str, Any], environment: dict[str, str]) -> str:
    if "discovery_url" in setting:
        return _access_token(setting, environment[setting["variables"]["client_secret"]])
    encoded = {key: quote(environment[variable], safe="") for key, variable in setting["variables"].items()}
    # All at once: a value may look like a placeholder itself.
    return re.sub(r"\$\{(\w+)\}", lambda found: encoded[found[1]], setting["text"])


def _access_token(setting: dict[str, Any], client_secret: str) -> str:
    """Return a token by the client credentials of the settings, with patience for a provider that starts too."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            provider = _answer(Request(setting["discovery_url"]))  # noqa: S310 - a URL of the props
            return str(_answer(_token_request(provider, setting, client_secret))["access_token"])
        except HTTPError as error:
            if error.code < SERVER_ERROR:
                said = error.read().decode(errors="replace")[:300]
                message = f"launch: the provider refuses a token ({error.code}): {said}"
                raise SystemExit(message) from None
            reason = str(error)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error) or type(error).__name__
        print(
            f"launch: no token from {setting['discovery_url']} ({reason}); attempt {attempt} of {ATTEMPTS}", flush=True
        )
        time.sleep(min(2**attempt, 30))
    message = f"launch: gave up on {setting['discovery_url']}"
    raise SystemExit(message)


def _token_request(provider: dict[str, Any], setting: dict[str, Any], client_secret: str) -> Request:
    """Return the request for a token, with the secret where the provider wants it."""
    client_id = setting["client_id"]
    form = {"grant_type": "client_credentials", "client_id": client_id, **setting["parameters"]}
    headers: dict[str, str] = {}
    if "client_secret_post" in provider.get("token_endpoint_auth_methods_supported", ()):
        form["client_secret"] = client_secret
    else:  # which every provider must know
        both = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        headers["Authorization"] = f"Basic {b64encode(both.encode()).decode()}"
    return Request(provider["token_endpoint"], data=urlencode(form).encode(), headers=headers)  # noqa: S310


def _answer(request: Request) -> dict[str, Any]:
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - a URL of the props
        found: dict[str, Any] = json.load(answer)
        return found


def main(arguments: list[str]) -> None:
    """Become the program, in the same process: it gets every signal."""
    settings = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    os.execvpe(arguments[1], arguments[1:], complete(settings, dict(os.environ)))  # noqa: S606 - the pod's own command


if __name__ == "__main__":
    main(sys.argv[1:])
