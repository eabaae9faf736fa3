"""The dashboard, as Grafana will read it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import promtool
import pytest
import yaml
from releases import render
from variants import VARIANTS


def drawn(variant: str) -> dict[str, Any]:
    """Return a variant's dashboard."""
    [found] = [item for item in render(VARIANTS[variant]).all("ConfigMap") if "dashboard" in item["metadata"]["name"]]
    [text] = found["data"].values()
    read: dict[str, Any] = json.loads(text)
    return read


def queries(variant: str) -> list[str]:
    """Return every query."""
    return [target["expr"] for panel in drawn(variant)["panels"] for target in panel.get("targets", [])]


def test_the_sidecar_finds_it() -> None:
    """By the label of Grafana's Helm charts, or by the one that the props name, where they say."""
    own = render(VARIANTS["watched"]).one("ConfigMap", "mlflow-dashboard")["metadata"]
    assert own["labels"]["grafana_dashboard"] == "1"
    assert own["annotations"] == {"grafana_folder": "MLflow"}
    elsewhere = render(VARIANTS["watched-from-elsewhere"]).one("ConfigMap", "ml-mlflow-dashboard")["metadata"]
    assert (elsewhere["namespace"], elsewhere["labels"]["dashboards"]) == ("grafana", "yes")


def test_no_panel_lies_over_another_and_all_are_in_the_grid() -> None:
    """Grafana's grid is 24 wide."""
    places = [panel["gridPos"] for panel in drawn("watched")["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert len({panel["id"] for panel in drawn("watched")["panels"]}) == len(places)


def test_it_says_what_mlflow_does_not_count() -> None:
    """Who sees no errors should know of which requests."""
    [text] = [panel["options"]["content"] for panel in drawn("watched")["panels"] if panel["type"] == "text"]
    assert "artifact transfers" in text


def test_it_has_panels_for_what_the_release_has() -> None:
    """A volume and CronJobs that run by themselves, or none."""
    found = {
        name: {panel["title"] for panel in drawn(name)["panels"]} for name in ("watched", "watched-from-elsewhere")
    }
    assert "Volumes" not in found["watched"]
    assert {"Volumes", "Since the last success"} <= found["watched-from-elsewhere"]


def test_every_release_has_a_dashboard_of_its_own() -> None:
    """Grafana would take two of one uid for the same."""
    uids = {
        json.loads(next(iter(item["data"].values())))["uid"]
        for name in ("mlflow", "two")
        for item in render(VARIANTS["watched"], name=name).all("ConfigMap")
        if "dashboard" in item["metadata"]["name"]
    }
    assert len(uids) == 2


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    """Judged by its own tool, where that is installed."""
    found = promtool.find()
    if found is None:
        pytest.skip("promtool is not installed; `make e2e` compiles it")
    asked = [*queries("watched"), *queries("watched-from-elsewhere")]
    records = [
        {"record": f"query:{number}", "expr": expression.replace("$__rate_interval", "2m")}
        for number, expression in enumerate(asked)
    ]
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}), encoding="utf-8")
    done = subprocess.run([found, "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
