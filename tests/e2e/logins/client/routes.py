"""Print every route of the app that the server of this pod runs, with each method, as JSON; run in the server's pod."""

import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any


def running_server() -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of the process that answers requests."""
    for process in Path("/proc").glob("[0-9]*"):
        words = (process / "cmdline").read_bytes().decode().split("\0")
        if "uvicorn" in words:
            variables = (process / "environ").read_bytes().decode().split("\0")
            return words, dict(item.split("=", 1) for item in variables if "=" in item)
    raise SystemExit("no uvicorn runs here")


def example(path: str) -> str:
    """Return a path with something in the place of each parameter."""
    path = re.sub(r"<path:[^>]+>|\{[^}]+:path\}", "a/b", path)
    return re.sub(r"<[^>]+>|\{[^}]+\}", "1", path)


def innermost(app: Any) -> Any:
    """Return what a mounted app wraps: Flask's, in MLflow's middleware or the plugin's."""
    while not hasattr(app, "url_map") and (inner := getattr(app, "app", None) or getattr(app, "flask_app", None)):
        app = inner
    return app


def routes_of(app: Any, prefix: str = "") -> list[tuple[str, set[str]]]:
    """Return path and methods of every route, those of mounted apps and included routers too."""
    if hasattr(app, "url_map"):
        return [(prefix + rule.rule, rule.methods) for rule in app.url_map.iter_rules()]
    found = []
    for route in app.routes:
        if type(route).__name__ == "Mount":
            inner = innermost(route.app)
            known = hasattr(inner, "url_map") or hasattr(inner, "routes")
            found += routes_of(inner, prefix + route.path) if known else [(f"{prefix}{route.path}/a", {"GET"})]
        elif hasattr(route, "path"):
            found.append((prefix + route.path, getattr(route, "methods", None) or {"GET"}))
        else:  # a router that FastAPI keeps as a whole
            found += routes_of(route.original_router, prefix + route.include_context.prefix)
    return found


def running_app() -> Any:
    """Return the app of that process, made anew in the same environment."""
    words, environment = running_server()
    os.environ.update(environment)
    if "--app-dir" in words:
        sys.path.insert(0, words[words.index("--app-dir") + 1])
    [name] = [word for word in words if re.fullmatch(r"[a-z_][\w.]*:[A-Za-z_]\w*(\(\))?", word)]
    module, _, attribute = name.partition(":")
    app = getattr(importlib.import_module(module), attribute.removesuffix("()"))
    return app() if "--factory" in words or attribute.endswith("()") else app


if __name__ == "__main__":
    table = {(method, example(path)) for path, methods in routes_of(running_app()) for method in methods}
    print(json.dumps(sorted(table)))  # noqa: T201 - the answer
