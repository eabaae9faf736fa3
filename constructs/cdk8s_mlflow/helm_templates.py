"""Manifests that become templates of a Helm chart: ``cdk8s synth --format helm`` writes them there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def are_written() -> bool:
    """Whether the app writes into the ``templates`` folder of a chart, where Helm takes ``{{`` for its own."""
    folder = Path(os.environ.get("CDK8S_OUTDIR", ""))
    return folder.name == "templates" and folder.with_name("Chart.yaml").is_file()


def literal(value: Any) -> Any:
    """Return a value of a manifest in which Helm writes each ``{{`` as it stands.

    There is no blank and no double quote in what Helm reads, so YAML neither breaks nor escapes it.
    """
    if isinstance(value, str):
        return value.replace("{{", "{{`{{`}}")
    if isinstance(value, dict):
        return {literal(key): literal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [literal(item) for item in value]
    return value
