"""What stands before the Service is told in the words of its controller."""

from __future__ import annotations

import re

import attrs
import pytest
from releases import Manifest, Release, render
from variants import on_postgresql

from cdk8s_mlflow import (
    AwsLoadBalancer,
    CertManagerIssuer,
    CertManagerTls,
    ConfigMapKey,
    Direct,
    ExistingSecret,
    HttpRoute,
    Ingress,
    IngressNginx,
    IngressTls,
    MlflowProps,
    ParentReference,
    Presigned,
    SecretKey,
    TlsSecret,
    Traefik,
)
from cdk8s_mlflow.plan import plan

HOST = "mlflow.example.com"
CA = SecretKey("company", "ca.crt")
NGINX, TRAEFIK, AWS = "nginx.ingress.kubernetes.io", "traefik.ingress.kubernetes.io", "alb.ingress.kubernetes.io"


def behind(controller: object, tls: object = None, static_prefix: str | None = None, **changes: object) -> Release:
    """Return a release behind an Ingress of a controller."""
    door = Ingress(hosts=[HOST], controller=controller, **changes)  # type: ignore[arg-type]
    return render(on_postgresql(exposure=door, tls=tls, static_prefix=static_prefix))


def told(item: Manifest) -> dict[str, str]:
    """Return the annotations of an object."""
    found: dict[str, str] = item["metadata"].get("annotations", {})
    return found


def test_nginx_passes_uploads_on_and_waits() -> None:
    """Its own limits are 1 MiB and 60 seconds."""
    assert told(behind(IngressNginx()).one("Ingress")) == {
        f"{NGINX}/proxy-body-size": "0",
        f"{NGINX}/proxy-request-buffering": "off",
        f"{NGINX}/proxy-buffering": "off",
        f"{NGINX}/proxy-read-timeout": "3600",
        f"{NGINX}/proxy-send-timeout": "3600",
    }


def test_nginx_checks_the_certificate_of_the_pods() -> None:
    """By the authority in a Secret, and for the Service's name."""
    found = told(behind(IngressNginx(), TlsSecret(secret_name="server", ca=CA)).one("Ingress"))
    assert found[f"{NGINX}/backend-protocol"] == "HTTPS"
    assert found[f"{NGINX}/proxy-ssl-secret"] == "ml/company"
    assert found[f"{NGINX}/proxy-ssl-verify"] == "on"
    assert found[f"{NGINX}/proxy-ssl-name"] == "mlflow.ml.svc.cluster.local"


@pytest.mark.parametrize("ca", [None, ConfigMapKey("company", "ca.crt"), SecretKey("company", "root.pem")], ids=str)
def test_nginx_speaks_tls_although_it_cannot_check(ca: SecretKey | ConfigMapKey | None) -> None:
    """It reads authorities from one place only."""
    found = told(behind(IngressNginx(), TlsSecret(secret_name="server", ca=ca)).one("Ingress"))
    assert found[f"{NGINX}/backend-protocol"] == "HTTPS"
    assert f"{NGINX}/proxy-ssl-verify" not in found


@pytest.mark.parametrize(
    ("ca", "authorities"),
    [
        (CA, [{"secret": "company"}]),
        (ConfigMapKey("company", "ca.crt"), [{"configMap": "company"}]),
        (None, None),
    ],
    ids=["secret", "config-map", "public"],
)
def test_traefik_checks_the_certificate_of_the_pods(
    ca: SecretKey | ConfigMapKey | None, authorities: list[Manifest] | None
) -> None:
    """For the Service's name: it connects to addresses, which stand in no certificate."""
    release = behind(Traefik(), TlsSecret(secret_name="server", ca=ca))
    assert told(release.one("Service")) == {
        f"{TRAEFIK}/service.serversscheme": "https",
        f"{TRAEFIK}/service.serverstransport": "ml-mlflow@kubernetescrd",
    }
    spec = release.one("ServersTransport")["spec"]
    assert spec["serverName"] == "mlflow.ml.svc.cluster.local"
    assert spec.get("rootCAs") == authorities


def test_traefik_does_not_guess_from_the_port() -> None:
    """It takes a Service's port 443 for HTTPS."""
    assert told(behind(Traefik()).one("Service")) == {f"{TRAEFIK}/service.serversscheme": "http"}


def test_aws_is_told_where_health_is() -> None:
    """Its own check of / would follow a redirect below a prefix."""
    found = told(behind(AwsLoadBalancer(), static_prefix="/mlflow").one("Ingress"))
    assert found[f"{AWS}/healthcheck-path"] == "/mlflow/health"
    assert f"{AWS}/ssl-redirect" not in found


def test_aws_redirects_where_it_has_a_certificate() -> None:
    """The redirect action that the larribas chart's overrides were for, without an override."""
    found = told(behind(AwsLoadBalancer(certificate_arns=["arn:1", "arn:2"])).one("Ingress"))
    assert found[f"{AWS}/certificate-arn"] == "arn:1,arn:2"
    assert found[f"{AWS}/ssl-redirect"] == "443"


def test_the_user_has_the_last_word() -> None:
    """An annotation of the user's wins."""
    name = f"{NGINX}/proxy-body-size"
    assert told(behind(IngressNginx(), annotations={name: "5g"}).one("Ingress"))[name] == "5g"


def test_artifacts_pass_the_middlewares_of_the_user() -> None:
    """One of them may be a login."""
    name = f"{TRAEFIK}/router.middlewares"
    release = behind(Traefik(), static_prefix="/mlflow", annotations={name: "office-login@kubernetescrd"})
    found = told(release.one("Ingress", "mlflow-artifacts"))
    assert found[name] == "office-login@kubernetescrd,ml-mlflow-artifacts@kubernetescrd"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/tools/mlflow/api/2.0/mlflow-artifacts/artifacts/1/a.bin", "/api/2.0/mlflow-artifacts/artifacts/1/a.bin"),
        ("/tools/mlflow/ajax-api/2.0/mlflow-artifacts/artifacts/1/a", "/ajax-api/2.0/mlflow-artifacts/artifacts/1/a"),
        *(
            (path, path)
            for path in (
                "/tools/mlflow/api/2.0/mlflow-artifacts/artifacts",
                "/tools/mlflow/ajax-api/2.0/mlflow-artifacts/artifacts",
                "/tools/mlflow/api/2.0/mlflow-artifacts/artifacts-of-others/1",
                "/tools/mlflow/api/2x0/mlflow-artifacts/artifacts/1",
                "/else/tools/mlflow/api/2.0/mlflow-artifacts/artifacts/1",
            )
        ),
    ],
)
def test_traefik_takes_the_prefix_off_files_alone(path: str, seen: str) -> None:
    """A list of artifacts is there below the prefix only, and comes by the same Ingress."""
    changed = behind(Traefik(), static_prefix="/tools/mlflow").one("Middleware")["spec"]["replacePathRegex"]
    assert re.sub(changed["regex"], changed["replacement"].replace("$", "\\"), path) == seen


def test_one_ingress_alone_has_the_certificate_made() -> None:
    """cert-manager refuses a second one that asks for the same Secret."""
    door = Ingress(
        hosts=[HOST],
        controller=IngressNginx(),
        tls=[IngressTls(secret_name="mlflow-tls")],
        issuer=CertManagerIssuer("inner", kind="Issuer"),
    )
    release = render(on_postgresql(static_prefix="/mlflow", exposure=door))
    assert told(release.one("Ingress", "mlflow"))["cert-manager.io/issuer"] == "inner"
    twin = release.one("Ingress", "mlflow-artifacts")
    assert not any(name.startswith("cert-manager.io/") for name in told(twin))
    assert twin["spec"]["tls"] == [{"hosts": [HOST], "secretName": "mlflow-tls"}]


def test_nginx_takes_the_prefix_off_the_artifacts() -> None:
    """By a pattern whose only group is the path without it."""
    twin = behind(IngressNginx(), static_prefix="/mlflow").one("Ingress", "mlflow-artifacts")
    assert told(twin)[f"{NGINX}/rewrite-target"] == "$1"
    paths = [path["path"] for path in twin["spec"]["rules"][0]["http"]["paths"]]
    assert paths == [
        "/mlflow(/api/2.0/mlflow-artifacts/artifacts/.*)",
        "/mlflow(/ajax-api/2.0/mlflow-artifacts/artifacts/.*)",
    ]


# --- Uploads below a prefix that nobody takes off -----------------------------------------------------------


def held(props: MlflowProps) -> list[str]:
    """Return what the user is told of uploads in memory."""
    return [notice for notice in render(props).notices if "holds in memory" in notice]


def test_the_user_is_told_who_sends_uploads_into_memory() -> None:
    """And what to use instead."""
    props = on_postgresql(static_prefix="/mlflow", exposure=Ingress(hosts=[HOST]))
    (notice,) = held(props)
    assert notice == (
        "below the static prefix /mlflow MLflow holds in memory what clients inside the cluster and through the "
        "Ingress of mlflow.example.com upload; the memory limit leaves room for one of 2Gi at a time "
        "(Proxied.largest_artifact); use artifact_access=Presigned() or Ingress.controller=IngressNginx() or Traefik()"
    )


def test_a_controller_that_rewrites_leaves_the_clients_inside() -> None:
    """They come by the Service, which changes no path."""
    for door in (
        Ingress(hosts=[HOST], controller=Traefik()),
        HttpRoute(hostnames=[HOST], parents=[ParentReference(name="public")]),
    ):
        (notice,) = held(on_postgresql(static_prefix="/mlflow", exposure=door))
        assert "clients inside the cluster upload; " in notice
        assert notice.endswith("use artifact_access=Presigned()")


@pytest.mark.parametrize(
    "props",
    [
        on_postgresql(exposure=Ingress(hosts=[HOST])),
        on_postgresql(static_prefix="/mlflow", artifact_access=Presigned()),
        on_postgresql(static_prefix="/mlflow", artifact_access=Direct()),
    ],
    ids=["root", "presigned", "direct"],
)
def test_nobody_is_told_where_uploads_stream(props: MlflowProps) -> None:
    """At the root MLflow passes them on; signed URLs go past it."""
    assert held(props) == []


def test_the_memory_limit_has_room_for_the_largest_upload() -> None:
    """Twice its size, beside what the server takes itself; the request stays as it is."""
    resources = render(on_postgresql(static_prefix="/mlflow")).server["resources"]
    assert resources == {"requests": {"cpu": "250m", "memory": "768Mi"}, "limits": {"memory": "5Gi"}}


# --- The certificate ----------------------------------------------------------------------------------------


def test_cert_manager_makes_a_certificate_for_every_name_of_the_service() -> None:
    """And for those that the user adds, each once."""
    tls = CertManagerTls(issuer_name="inner", dns_names=["mlflow.example.com", "mlflow.ml"])
    spec = render(on_postgresql(tls=tls)).one("Certificate")["spec"]
    assert spec["dnsNames"] == [
        "mlflow",
        "mlflow.ml",
        "mlflow.ml.svc",
        "mlflow.ml.svc.cluster.local",
        "mlflow.example.com",
    ]
    assert (spec["duration"], spec["renewBefore"]) == ("2160h0m0s", "720h0m0s")


def test_a_namespace_that_must_be_named_is_named() -> None:
    """Kubectl fills in none inside of certificates and annotations."""
    keys = {
        "crypto_kek_passphrase": ExistingSecret("keys", "kek"),
        "webhook_secret_encryption_key": ExistingSecret("keys", "webhook"),
    }
    plain = on_postgresql(**keys)
    assert plan(plain, name="mlflow").namespace is None
    for props in (
        attrs.evolve(plain, tls=CertManagerTls(issuer_name="inner")),
        attrs.evolve(plain, static_prefix="/mlflow", exposure=Ingress(hosts=[HOST], controller=Traefik())),
    ):
        decided = plan(props, name="mlflow")
        assert decided.namespace == "default"
        assert any("names no namespace" in notice for notice in decided.notices)
