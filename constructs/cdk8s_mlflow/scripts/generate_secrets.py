"""Create the Secrets of generated keys, each once: one that is there already is never read or changed.

Runs in a Job whose ServiceAccount may create Secrets and nothing else. ``secrets.json`` beside this file
says which ones.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).with_name("secrets.json")
IDENTITY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ATTEMPTS = 8


def new_key(kind: str) -> str:
    """Return a random key of 256 bits; ``fernet`` wants URL-safe base64 with padding."""
    random = secrets.token_bytes(32)
    return base64.urlsafe_b64encode(random).decode() if kind == "fernet" else random.hex()


def manifest(secret: dict[str, str]) -> dict[str, Any]:
    """Return the Secret; it carries no label by which a GitOps tool or a delete by label would remove it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret["name"],
            "annotations": {"cdk8s-mlflow/generated": "keep: it cannot be made again"},
        },
        "type": "Opaque",
        "stringData": {secret["key"]: new_key(secret["kind"])},
    }


def create(url: str, token: str, context: ssl.SSLContext, secret: dict[str, str]) -> str:
    """Create one Secret; return what happened, for the log."""
    request = urllib.request.Request(  # noqa: S310 - always https
        url,
        data=json.dumps(manifest(secret)).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        urllib.request.urlopen(request, timeout=10, context=context).close()  # noqa: S310 - always https
    except urllib.error.HTTPError as error:
        if error.code == 409:  # noqa: PLR2004 - Conflict
            return "is there already"
        if error.code in {401, 403, 404, 422}:
            detail = _reason(error.read())
            message = f"the API server refuses to create Secret {secret['name']} ({error.code}): {detail}"
            raise PermissionError(message) from None
        raise
    return "created"


def _reason(answer: bytes) -> str:
    """Return the API server's reason, or what something else answered in its place."""
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:200] or "no reason given"


def main() -> int:
    """Create every Secret of the settings, with patience for the API server; return the exit status."""
    # As the first process of a container, it would not hear the signal otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    namespace = (IDENTITY / "namespace").read_text(encoding="utf-8")
    host = os.environ["KUBERNETES_SERVICE_HOST"]
    authority = f"[{host}]" if ":" in host else host
    url = f"https://{authority}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1/namespaces/{namespace}/secrets"
    context = ssl.create_default_context(cafile=str(IDENTITY / "ca.crt"))
    for secret in settings["secrets"]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                token = (IDENTITY / "token").read_text(encoding="utf-8")
                print(f"generate: Secret {secret['name']} {create(url, token, context, secret)}", flush=True)
                break
            except PermissionError as error:
                print(f"generate: {error}", flush=True)
                return 1
            except (OSError, http.client.HTTPException) as error:  # URLError and every broken connection
                print(
                    f"generate: the API server does not answer ({error}); attempt {attempt} of {ATTEMPTS}",
                    flush=True,
                )
                if attempt == ATTEMPTS:
                    return 1
                time.sleep(min(2**attempt, 30))
    return 0


if __name__ == "__main__":
    sys.exit(main())
