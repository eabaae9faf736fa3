"""TLS in the server's own pods: one class per way to come by the certificate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal, Protocol, runtime_checkable

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import Certificate
from cdk8s_mlflow.values import DnsName, IngressHostName, sequences
from cdk8s_mlflow.volumes import ConfigMapKey, SecretKey


@runtime_checkable
class ServerTls(Protocol):
    """What every way answers."""

    def certificate(self, release: str, names: Sequence[str]) -> Certificate:
        """Return the Secret of the certificate, and what makes it; ``names`` are those of the Service."""


@frozen(kw_only=True)
class TlsSecret:
    """A Secret of type ``kubernetes.io/tls`` that somebody else makes, for the names of the Service."""

    secret_name: DnsName
    ca: SecretKey | ConfigMapKey | None = None
    """The authority of the certificate, for the pods of this chart that call the server: the public ones and
    ``MlflowProps.ca_bundle`` if left out."""

    def certificate(self, release: str, names: Sequence[str]) -> Certificate:  # noqa: ARG002 - it is made already
        """Return the Secret."""
        return Certificate(secret_name=self.secret_name, ca=self.ca)


@frozen(kw_only=True, field_transformer=sequences)
class CertManagerTls:
    """A certificate that cert-manager makes and renews (``cert-manager.io/v1``), for the names of the Service.

    The issuer must be one that knows names inside the cluster: a CA, Vault, or a self-signed one; no public one.
    The server reads its certificate when it starts: have the pods restarted when it was renewed (:class:`Reloader`).
    """

    issuer_name: DnsName
    issuer_kind: Literal["Issuer", "ClusterIssuer"] = "ClusterIssuer"
    duration: timedelta = timedelta(days=90)
    """How long a certificate holds."""
    renew_before: timedelta = timedelta(days=30)
    """How long before its end it is renewed."""
    dns_names: Sequence[IngressHostName] = ()
    """Further names, such as that of a load balancer which passes TLS on."""

    def certificate(self, release: str, names: Sequence[str]) -> Certificate:
        """Return the Secret, and the Certificate that makes it."""
        name = f"{release}-tls"
        made = {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": name},
            "spec": {
                "secretName": name,
                "dnsNames": list(dict.fromkeys([*names, *self.dns_names])),
                "duration": _duration(self.duration),
                "renewBefore": _duration(self.renew_before),
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "issuerRef": {"group": "cert-manager.io", "kind": self.issuer_kind, "name": self.issuer_name},
            },
        }
        return Certificate(
            secret_name=name, ca=SecretKey(name, "ca.crt"), objects=(made,), renew_before=self.renew_before
        )

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if self.duration < timedelta(hours=1):
            yield f"duration must be an hour or more (got {self.duration}); cert-manager makes none for less"
        if self.renew_before < timedelta(minutes=5):
            yield f"renew_before must be five minutes or more (got {self.renew_before}); raise it"
        if self.renew_before >= self.duration:
            yield f"renew_before must be shorter than duration (got {self.renew_before} and {self.duration}); lower it"


def _duration(time: timedelta) -> str:
    """Return a time as Go writes it, so that ``kubectl diff`` finds nothing."""
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    return f"{minutes // 60}h{minutes % 60}m{seconds}s"
