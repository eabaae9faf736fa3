"""Write docs/api.md: every public class below the module that defines it; mkdocstrings fills it from the docstrings."""

from __future__ import annotations

from pathlib import Path

import cdk8s_mlflow

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
TITLES = {
    "props": "The server",
    "environments": "The app",
    "values_files": "Values files",
    "mlflow": "The construct",
    "backend_store": "Backend stores",
    "connections": "Connection pools",
    "sidecars": "Proxies beside the server",
    "artifact_store": "Artifact stores",
    "volumes": "Volumes",
    "secrets": "Secrets",
    "authentication": "Logins",
    "workspaces": "Workspaces",
    "exposure": "Doors",
    "server_tls": "TLS in the pod",
    "peers": "Who may connect",
    "http_proxy": "Proxies to the outside",
    "scaling": "Scaling",
    "operations": "Operations",
    "job_queue": "The queue of jobs",
    "redis": "Redis",
    "observability": "Monitoring",
    "ai_gateway": "The AI gateway",
    "adoption": "Taking over a release of Helm",
    "failures": "Errors",
}
"""The page's sections, in their order; one for each module with public names."""

HEAD = """\
# Every class and field

Written by `make docs` from the docstrings: do not edit. All names are imported from `cdk8s_mlflow`; what a field
says is what an editor shows.
"""


def page() -> str:
    """Return the page."""
    names = [name for name in cdk8s_mlflow.__all__ if name != "__version__"]
    sections: dict[str, list[str]] = {}
    for place in sorted(map(_place, names), key=str.lower):
        sections.setdefault(place.split(".")[1], []).append(place)
    lines = [HEAD]
    for module, title in TITLES.items():
        lines.append(f"\n## {title}\n")
        lines += [f"\n::: {place}\n" for place in sections.pop(module)]
    if sections:
        message = f"no section of pages/api.py has {', '.join(sections)}"
        raise KeyError(message)
    return "".join(lines)


def _place(name: str) -> str:
    """Return where a public name is defined; that loads no cdk8s but for the construct."""
    if name == "Mlflow":
        return "cdk8s_mlflow.mlflow.Mlflow"
    found = getattr(cdk8s_mlflow, name)
    return f"{found.__module__}.{name}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
