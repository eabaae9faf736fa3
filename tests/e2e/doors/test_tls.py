"""A server that speaks TLS itself: its probes, its clients, the controller in front, and the Job beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from e2e.kubectl import Pod, attempt, get, kubectl, wait_until
from e2e.visitors import Door

from .releases import (
    AUTHORIZATION,
    PREFIX,
    SECURE_HOST,
    Server,
    ask,
    names_of_service,
    run_with_login,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HEALTH = f"{PREFIX}/health"


def test_probes_find_it_healthy(with_tls: Server) -> None:
    """No container was started again, and the kubelet asks over TLS."""
    with_tls.installation.assert_calm()
    (container,) = get("pod", with_tls.pod.name, with_tls.namespace)["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["scheme"] == "HTTPS"


def test_it_speaks_nothing_else(with_tls: Server, client: Pod) -> None:
    """Plain HTTP at its port gets no answer."""
    done = client.attempt(
        "python", "-c", f"import urllib.request as u; u.urlopen('http://{with_tls.host}:5000{HEALTH}')"
    )
    assert done.returncode != 0


def test_a_client_with_the_authority_is_served(with_tls: Server, client: Pod, traefik: Door) -> None:
    """By every name of the Service; one that trusts another authority is not."""
    for name in names_of_service(with_tls.name, with_tls.namespace):
        url = f"https://{name}:5000{HEALTH}"
        (answer,) = ask(client, {"url": url, "certificate": traefik.certificate})
        assert answer["text"] == "OK"
    strict = f"import urllib.request as u; u.urlopen('https://{with_tls.host}:5000{HEALTH}')"
    assert "CERTIFICATE_VERIFY_FAILED" in client.attempt("python", "-c", strict).stderr


def test_mlflows_client_works_inside(with_tls: Server, tls_visitor: Pod) -> None:
    """With the authority in the variable that requests reads."""
    uri = f"https://{with_tls.host}:5000{PREFIX}"
    where = run_with_login(tls_visitor, "tracking", "record", uri)
    assert run_with_login(tls_visitor, "tracking", "read", uri, json.dumps(where))["artifact"] == "42\n"


def through(client: Pod, traefik: Door) -> dict[str, Any]:
    """Ask through our own Traefik."""
    url = f"https://{SECURE_HOST}{PREFIX}/version"
    door = {"via": traefik.address, "certificate": traefik.certificate}
    (answer,) = ask(client, {"url": url, "headers": AUTHORIZATION, **door})
    return answer


def test_mlflows_client_works_through_traefik(with_tls: Server, tls_visitor: Pod, traefik: Door, client: Pod) -> None:
    """TLS to Traefik, and TLS from there to the pod."""
    assert with_tls.scheme == "https"
    wait_until("the Ingress is routed", lambda: through(client, traefik)["status"] == 200)
    uri = f"https://{SECURE_HOST}{PREFIX}"
    where = run_with_login(tls_visitor, "tracking", "record", uri)
    assert run_with_login(tls_visitor, "tracking", "read", uri, json.dumps(where))["artifact"] == "42\n"


def test_traefik_refuses_a_server_of_another_authority(with_tls: Server, client: Pod, traefik: Door) -> None:
    """Who takes the server's place in the cluster gets nothing from it."""
    wait_until("the Ingress is routed", lambda: through(client, traefik)["status"] == 200)
    transport = ("-n", with_tls.namespace, "patch", "serverstransport", with_tls.name, "--type=merge", "-p")
    for wrong in ({"rootCAs": [{"secret": "other-company"}]}, {"serverName": "another.example.com"}):
        kubectl(*transport, json.dumps({"spec": wrong}))
        try:
            wait_until("Traefik refuses the certificate", lambda: through(client, traefik)["status"] >= 500)
        finally:
            right = {"rootCAs": [{"secret": "company"}], "serverName": with_tls.host}
            kubectl(*transport, json.dumps({"spec": right}))
    wait_until("the server is found again", lambda: through(client, traefik)["status"] == 200)


def test_garbage_collection_works(with_tls: Server, tls_visitor: Pod) -> None:
    """The Job trusts the authority, logs in, and takes a deleted run's artifacts away through the server."""
    uri = f"https://{with_tls.host}:5000{PREFIX}"
    run = run_with_login(tls_visitor, "tracking", "record", uri)["run"]
    login = AUTHORIZATION | {"Content-Type": "application/json"}
    api, authority = f"{uri}/api/2.0/mlflow/runs", tls_visitor.execute("cat", "/tmp/ca.crt")  # noqa: S108 - in the pod
    request = {"headers": login, "certificate": authority}
    (deleted,) = ask(tls_visitor, {"url": f"{api}/delete", "method": "POST", "body": {"run_id": run}, **request})
    assert deleted["status"] == 200, deleted
    kubectl("-n", with_tls.namespace, "create", "job", "gc-now", f"--from=cronjob/{with_tls.name}-gc")
    done = attempt(
        *("-n", with_tls.namespace, "wait", "job/gc-now", "--for=condition=Complete", "--timeout=180s"), timeout=190
    )
    logs = kubectl("-n", with_tls.namespace, "logs", "job/gc-now", "--all-containers")
    assert done.returncode == 0, logs
