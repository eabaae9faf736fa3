"""The cluster's Prometheus: what it knows, asked through the API server."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

from e2e.kubectl import attempt, kubectl

_WEB = "/api/v1/namespaces/monitoring/services/prometheus:web/proxy/api/v1"


def is_installed() -> bool:
    """Return whether the operator and its Prometheus are there."""
    return attempt("-n", "monitoring", "get", "prometheus.monitoring.coreos.com", "prometheus").returncode == 0


def query(expression: str) -> list[dict[str, Any]]:
    """Return the series that a query gives now."""
    found: list[dict[str, Any]] = _get(f"query?{urlencode({'query': expression})}")["result"]
    return found


def query_range(expression: str, since: float, step: int = 5) -> list[dict[str, Any]]:
    """Return the series that a query gave since then."""
    asked = urlencode({"query": expression, "start": since, "end": time.time(), "step": step})
    found: list[dict[str, Any]] = _get(f"query_range?{asked}")["result"]
    return found


def alerting_rules(group: str) -> dict[str, dict[str, Any]]:
    """Return the alerts of a group, by name, as Prometheus has loaded them."""
    groups = [item for item in _get("rules?type=alert")["groups"] if item["name"] == group]
    return {rule["name"]: rule for item in groups for rule in item["rules"]}


def _get(path: str) -> Any:
    answer = json.loads(kubectl("get", "--raw", f"{_WEB}/{path}"))
    assert answer["status"] == "success", answer
    return answer["data"]
