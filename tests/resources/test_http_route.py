"""The HTTPRoutes in front of the Service."""

from __future__ import annotations

from datetime import timedelta

import pytest
from releases import Manifest, Release, render

from cdk8s_mlflow import HttpRoute, MlflowProps, NamespacePeer, ParentReference

HTTPS = ParentReference(name="public", namespace="ingress", section_name="https")
HTTP = ParentReference(name="public", namespace="ingress", section_name="http")


def released(static_prefix: str | None = None, **changes: object) -> Release:
    """Return a release behind a route."""
    words: dict[str, object] = {"hostnames": ["mlflow.example.com"], "parents": [HTTPS], **changes}
    return render(MlflowProps(exposure=HttpRoute(**words), static_prefix=static_prefix))  # type: ignore[arg-type]


def rules(release: Release, name: str = "mlflow") -> list[Manifest]:
    """Return the rules of a route."""
    found: list[Manifest] = release.one("HTTPRoute", name)["spec"]["rules"]
    return found


def test_a_host_leads_to_the_service() -> None:
    """All of the host, as the API server writes it back."""
    assert released().one("HTTPRoute")["spec"] == {
        "parentRefs": [
            {
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": "public",
                "namespace": "ingress",
                "sectionName": "https",
            }
        ],
        "hostnames": ["mlflow.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"group": "", "kind": "Service", "name": "mlflow", "port": 5000, "weight": 1}],
            }
        ],
    }


def test_below_a_prefix_artifacts_lose_it_on_their_way() -> None:
    """Both ways to ask for them, before the rest; MLflow itself answers below its prefix."""
    paths = [
        (
            rule["matches"][0]["path"]["value"],
            [item["urlRewrite"]["path"]["replacePrefixMatch"] for item in rule.get("filters", [])],
        )
        for rule in rules(released(static_prefix="/tools/mlflow"))
    ]
    assert paths == [
        (f"/tools/mlflow{path}", [path])
        for path in ("/api/2.0/mlflow-artifacts/artifacts", "/ajax-api/2.0/mlflow-artifacts/artifacts")
    ] + [("/tools/mlflow", [])]


def test_lists_of_artifacts_keep_the_prefix() -> None:
    """MLflow has them below it alone, and a rule for what is below a path is one for the path itself, too."""
    *files, rest = rules(released(static_prefix="/tools/mlflow"))
    lists = [match["path"]["value"] for match in rest["matches"] if match["path"]["type"] == "Exact"]
    assert lists == [rule["matches"][0]["path"]["value"] for rule in files]


def test_what_the_user_filters_is_filtered_on_every_way() -> None:
    """A filter may be what keeps people out."""
    office = {"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "Login", "name": "office"}}
    found = rules(released(static_prefix="/mlflow", filters=[office]))
    assert [rule["filters"][0] for rule in found] == [office] * 3


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=1), "1h"),
        (timedelta(days=30, seconds=1), "720h1s"),
    ],
    ids=str,
)
def test_times_are_written_as_the_gateway_api_wants_them(time: timedelta, written: str) -> None:
    """It takes no number of more than five digits, and 0 is no limit."""
    assert rules(released(request_timeout=time))[0]["timeouts"] == {"request": written}


def test_plain_http_is_sent_on_to_https() -> None:
    """By a route of its own without a backend: the API server refuses both in one rule."""
    release = released(redirected=[HTTP], allowed_from=[NamespacePeer("ingress")])
    (rule,) = rules(release, "mlflow-redirect")
    assert rule == {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}],
    }
    (parent,) = release.one("HTTPRoute", "mlflow-redirect")["spec"]["parentRefs"]
    assert parent["sectionName"] == "http"
    assert release.one("HTTPRoute", "mlflow-redirect")["spec"]["hostnames"] == ["mlflow.example.com"]
