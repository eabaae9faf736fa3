"""The programs that run in the client's pod: modules, which import each other as they do here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from e2e.kubectl import Pod, kubectl, last_answer
from e2e.visitors import TRUSTED

TESTS = Path(__file__).parents[2]
PLACE = "/tmp/programs"  # noqa: S108 - in the pod
_WRITE = """
import json, pathlib, sys
for name, text in json.load(sys.stdin).items():
    path = pathlib.Path(sys.argv[1], name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
"""


def bring(pod: Pod, *modules: str) -> None:
    """Write modules of these tests into a pod."""
    names = [f"{module.replace('.', '/')}.py" for module in modules]
    texts = {name: TESTS.joinpath(name).read_text(encoding="utf-8") for name in names}
    command = ("-n", pod.namespace, "exec", "-i", pod.name, "--", "python", "-c", _WRITE, PLACE)
    kubectl(*command, stdin=json.dumps(texts))


def run_module(pod: Pod, module: str, *arguments: str, variables: Mapping[str, str] | None = None) -> Any:
    """Run a module that was brought, with further variables; return what it printed last, as JSON."""
    trust = {"SSL_CERT_FILE": TRUSTED, "REQUESTS_CA_BUNDLE": TRUSTED}
    settings = [f"{key}={value}" for key, value in (trust | dict(variables or {})).items()]
    output = pod.execute("env", "-C", PLACE, *settings, "python", "-m", module, *arguments, timeout=900)
    return last_answer(module, output)
