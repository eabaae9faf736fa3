"""The Ingress in front of the Service."""

from __future__ import annotations

import pytest
from releases import Manifest, render

from cdk8s_mlflow import ClusterIP, Ingress, IngressHost, IngressPath, IngressTls, MlflowProps


def ingress(*hosts: str | IngressHost, port: int = 5000, **changes: object) -> Manifest:
    """Return the Ingress of some hosts."""
    exposure = Ingress(hosts=list(hosts), **changes)  # type: ignore[arg-type]
    allowed = ["mlflow.example.com"]
    return render(MlflowProps(exposure=exposure, service=ClusterIP(port=port), allowed_hosts=allowed)).one("Ingress")


def test_a_host_leads_to_the_service() -> None:
    """In the API's version of today, with a path type and the host itself, which the larribas chart got wrong."""
    found = ingress("mlflow.example.com", port=80)
    assert found["apiVersion"] == "networking.k8s.io/v1"
    assert found["spec"] == {
        "rules": [
            {
                "host": "mlflow.example.com",
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "mlflow", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ]
    }


@pytest.mark.parametrize(
    ("path", "backend"),
    [
        (IngressPath(service_name="docs"), {"name": "docs", "port": {"number": 5000}}),
        (IngressPath(service_port=8080), {"name": "mlflow", "port": {"number": 8080}}),
        (
            IngressPath("/*", "ImplementationSpecific", "ssl-redirect", "use-annotation"),
            {"name": "ssl-redirect", "port": {"name": "use-annotation"}},
        ),
    ],
    ids=["name", "port", "redirect-action"],
)
def test_a_path_may_lead_elsewhere(path: IngressPath, backend: Manifest) -> None:
    """The larribas chart's serviceNameOverride and servicePortOverride, such as AWS' redirect to TLS."""
    (rule,) = ingress(IngressHost("mlflow.example.com", [path]))["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"] == {"service": backend}
    assert rule["http"]["paths"][0]["pathType"] == path.path_type


def test_an_action_may_stand_before_the_service_on_one_path() -> None:
    """AWS' load balancer answers plain HTTP by the first and HTTPS by the second."""
    redirect = IngressPath("/*", "ImplementationSpecific", "ssl-redirect", "use-annotation")
    (rule,) = ingress(IngressHost("mlflow.example.com", [redirect, IngressPath("/*", "ImplementationSpecific")]))[
        "spec"
    ]["rules"]
    assert [path["backend"]["service"]["name"] for path in rule["http"]["paths"]] == ["ssl-redirect", "mlflow"]


def test_paths_keep_their_order() -> None:
    """Some controllers take the first that matches."""
    paths = [IngressPath("/b"), IngressPath("/a"), IngressPath("/")]
    (rule,) = ingress(IngressHost("mlflow.example.com", paths))["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/b", "/a", "/"]


@pytest.mark.parametrize(
    ("tls", "written"),
    [
        (IngressTls(secret_name="s"), {"hosts": ["a.example.com", "b.example.com"], "secretName": "s"}),
        (IngressTls(secret_name="s", hosts=["b.example.com"]), {"hosts": ["b.example.com"], "secretName": "s"}),
        (IngressTls(hosts=["a.example.com"]), {"hosts": ["a.example.com"]}),
    ],
    ids=["all-hosts", "one-host", "default-certificate"],
)
def test_a_certificate_is_for_all_hosts_or_for_those_named(tls: IngressTls, written: Manifest) -> None:
    """Without a Secret the controller shows its default certificate."""
    assert ingress("a.example.com", "b.example.com", tls=[tls])["spec"]["tls"] == [written]


def test_a_rule_without_host_answers_every_name() -> None:
    """It has no host at all, rather than an empty one."""
    (rule,) = ingress(IngressHost(None))["spec"]["rules"]
    assert set(rule) == {"http"}


def test_the_class_and_annotations_choose_the_controller() -> None:
    """The cluster's default class if left out."""
    found = ingress("mlflow.example.com", ingress_class_name="nginx", annotations={"a/b": "c"})
    assert found["spec"]["ingressClassName"] == "nginx"
    assert found["metadata"]["annotations"] == {"a/b": "c"}
    assert "ingressClassName" not in ingress("mlflow.example.com")["spec"]


def test_there_is_no_ingress_by_default() -> None:
    """As in the larribas chart."""
    assert render().all("Ingress") == []
