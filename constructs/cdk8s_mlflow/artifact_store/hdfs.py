"""Hadoop's file system."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs
from cdk8s_mlflow.peers import Endpoint, authority
from cdk8s_mlflow.values import DataPath, Host, PlainText, Port, sequences
from cdk8s_mlflow.volumes import ConfigMapKey, Mount, SecretKey, key_file

_FOLDER = "/run/mlflow/kerberos"


@frozen(kw_only=True)
class Kerberos:
    """Who the server is to Hadoop. Somebody else renews the ticket in its Secret."""

    user: PlainText
    """The principal: ``MLFLOW_KERBEROS_USER``."""
    ticket_cache: SecretKey
    """The ticket cache, as ``kinit`` writes it: ``MLFLOW_KERBEROS_TICKET_CACHE``."""
    krb5_conf: ConfigMapKey
    """``krb5.conf``, which says where the realm's servers are; by TCP (``udp_preference_limit = 1``)."""


@frozen(kw_only=True, field_transformer=sequences)
class HDFS:
    """A folder in Hadoop's file system. The image must have ``libhdfs`` and a JVM: MLflow's own has not."""

    host: Host
    """The name node, or the name service."""
    port: Port = 8020
    path: DataPath = "/mlflow"
    kerberos: Kerberos | None = None
    """Hadoop believes every name if left out."""
    egress: Sequence[Endpoint] | None = None
    """The ports that the server must reach, for the network policy: the name node's, and data nodes' 9866 and 9867."""

    reachable_by_clients = True
    spools = True
    signs = False
    presigns = False

    @property
    def uri(self) -> str:
        """The folder."""
        return f"hdfs://{authority(self.host, self.port)}{quote(self.path)}"

    def needs(self) -> Needs:
        """Return the client's variables, the Kerberos files, and the way to the nodes."""
        egress = (self.port, 9866, 9867)
        ways = tuple(Endpoint(port=port) for port in egress) if self.egress is None else tuple(self.egress)
        if self.kerberos is None:
            return Needs(egress=ways)
        ticket, configuration = f"{_FOLDER}/ticket", f"{_FOLDER}/configuration"
        return Needs(
            env=(
                EnvVar("MLFLOW_KERBEROS_USER", self.kerberos.user),
                EnvVar("MLFLOW_KERBEROS_TICKET_CACHE", f"{ticket}/ticket"),
                EnvVar("KRB5_CONFIG", f"{configuration}/krb5.conf"),
                # libhdfs runs in a JVM, which has its own name for it.
                EnvVar("LIBHDFS_OPTS", f"-Djava.security.krb5.conf={configuration}/krb5.conf"),
            ),
            mounts=(
                Mount(
                    volume="kerberos-ticket",
                    source=key_file(self.kerberos.ticket_cache, "ticket"),
                    path=ticket,
                    read_only=True,
                ),
                Mount(
                    volume="kerberos-configuration",
                    source=key_file(self.kerberos.krb5_conf, "krb5.conf"),
                    path=configuration,
                    read_only=True,
                ),
            ),
            egress=(*ways, Endpoint(port=88)),
        )
