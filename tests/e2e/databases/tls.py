"""The servers with TLS: each has a certificate of the tests' own authority, and turns unencrypted sessions away."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from e2e.kubectl import Manifest, apply_manifests, kubectl, wait_for_pods
from e2e.manifests import secret
from e2e.servers import MariaDBServer, PostgreSQLServer, mariadb, postgresql

from .certificates import Certificates

PASSWORD = "pw/with:odd@characters%"
POSTGRESQL, MARIADB = "postgresql-tls", "mariadb-tls"
CNPG = "cnpg"
"""The name of a CloudNativePG Cluster whose primary PostgreSQL plays."""
_FLAGS = {"ssl": "on", "ssl_cert_file": "/tls/tls.crt", "ssl_key_file": "/tls/tls.key", "ssl_ca_file": "/tls/ca.crt"}
# Whoever comes with a certificate needs no password; nobody comes unencrypted.
_HBA = """sed -i '/^host all all all/d' "$PGDATA/pg_hba.conf"
printf 'hostssl all certified all cert\\nhostssl all all all scram-sha-256\\n' >> "$PGDATA/pg_hba.conf"
"""


@attrs.frozen
class TlsServers:
    """The servers with TLS."""

    postgres: PostgreSQLServer
    maria: MariaDBServer


def start_tls_servers(namespace: str, authority: Certificates) -> TlsServers:
    """Start them; each has a second name that its certificate does not know."""
    files = ["--ssl-cert=/tls/tls.crt", "--ssl-key=/tls/tls.key", "--require-secure-transport=ON"]
    apply_manifests(
        [
            certificate(namespace, MARIADB, authority, [MARIADB]),
            secret(namespace, "client-certificate", authority.signed("certified"), "kubernetes.io/tls"),
            secret(namespace, "tls-user", {"password": PASSWORD}),
            second_service(namespace, f"{POSTGRESQL}-alias", POSTGRESQL, 5432),
            second_service(namespace, f"{CNPG}-rw", POSTGRESQL, 5432),
            second_service(namespace, f"{MARIADB}-alias", MARIADB, 3306),
            *encrypted_postgresql(namespace, authority, [POSTGRESQL, f"{CNPG}-rw"]),
            *mariadb(namespace, MARIADB, args=files, certificates=f"{MARIADB}-certificate"),
        ]
    )
    kubectl("-n", namespace, "label", "pod", POSTGRESQL, f"cnpg.io/cluster={CNPG}")
    wait_for_pods(namespace, POSTGRESQL, MARIADB)
    found = TlsServers(PostgreSQLServer(namespace, POSTGRESQL), MariaDBServer(namespace, MARIADB))
    found.postgres.make_database("mlflow", "mlflow", PASSWORD)
    found.postgres.sql("CREATE ROLE certified LOGIN IN ROLE mlflow", "ALTER DATABASE mlflow OWNER TO certified")
    found.maria.make_database("mlflow", "mlflow", PASSWORD)
    return found


def encrypted_postgresql(namespace: str, authority: Certificates, hosts: Sequence[str]) -> list[Manifest]:
    """Return PostgreSQL with a certificate for some names; nobody comes unencrypted."""
    settings = [argument for name, value in _FLAGS.items() for argument in ("-c", f"{name}={value}")]
    return [
        certificate(namespace, POSTGRESQL, authority, hosts),
        *postgresql(namespace, POSTGRESQL, args=settings, setup=_HBA, certificates=f"{POSTGRESQL}-certificate"),
    ]


def certificate(namespace: str, server: str, authority: Certificates, hosts: Sequence[str]) -> Manifest:
    """Return the Secret with a server's certificate for some names, and with the authority."""
    ca = authority.folder.joinpath("ca.crt").read_text(encoding="utf-8")
    return secret(namespace, f"{server}-certificate", {**authority.signed(server, hosts), "ca.crt": ca})


def second_service(namespace: str, name: str, server: str, port: int) -> Manifest:
    """Return another Service for a server."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": server}, "ports": [{"port": port}]},
    }
