"""A Redis of the chart's own, where MLflow's jobs wait until a pod runs them."""

from __future__ import annotations

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.kubernetes import ResourceRequirements
from cdk8s_mlflow.needs import CREDENTIALS_DIRECTORY, CredentialFile, EncodedUri, SecretSource, SecretUse
from cdk8s_mlflow.secrets import GeneratedSecret
from cdk8s_mlflow.values import ImageName

REDIS_PORT = 6379


@frozen(kw_only=True)
class InChartRedis:
    """One small Redis in the chart, for this release alone. Nobody but its pods may connect.

    It keeps nothing on a volume: what a job is stands in the database, and Redis only holds its turn. If Redis is
    restarted, jobs that waited stay pending until a server pod starts; ``kubectl rollout restart`` of the Deployment
    ``<release>-periodic`` puts them in line again.
    """

    image: ImageName = "docker.io/library/redis:7"
    """Redis 6 or newer, or Valkey with a ``redis-server``."""
    password: SecretSource = GeneratedSecret()
    """Generated, it is in the Secret ``<release>-redis-password``."""
    resources: ResourceRequirements | None = None
    """Requests and limits of its container, instead of 32Mi and at most 128Mi."""

    def uri(self, host: str) -> EncodedUri:
        """Return its URI with the password."""
        return EncodedUri(f"redis://:${{password}}@{host}:{REDIS_PORT}/0", self._secrets())

    def settings(self) -> CredentialFile:
        """Return its configuration, with the password in it."""
        # What does not fit is refused, not forgotten; nothing is written to the read-only root.
        lines = ("bind * -::*", f"port {REDIS_PORT}", "dir /tmp", 'save ""', "appendonly no")
        text = "".join(f"{line}\n" for line in (*lines, "maxmemory-policy noeviction", 'requirepass "${password}"'))
        escapes = {"\\": "\\\\", '"': '\\"'}
        return CredentialFile(name="redis.conf", text=text, secrets=self._secrets(), escapes=escapes)

    def _secrets(self) -> dict[str, SecretUse]:
        return {"password": SecretUse("redis-password", self.password, "passphrase")}


REDIS_SETTINGS = f"{CREDENTIALS_DIRECTORY}/redis.conf"
