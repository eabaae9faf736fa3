"""MLflow's AI gateway: calls of language models that pass the server, with keys that it keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal

import attrs

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.needs import EnvVar, Needs, merge, uri_needs
from cdk8s_mlflow.peers import Endpoint
from cdk8s_mlflow.redis import Redis
from cdk8s_mlflow.values import ProviderName, sequences


@frozen(kw_only=True, field_transformer=sequences)
class AiGateway:
    """Let the server call language models for its users, with API keys that it keeps encrypted in its database.

    Whoever may use the server may then spend the keys' money, and make the server send requests to hosts of his
    choice; so it is off unless it is wanted, other than in MLflow itself. The keys are encrypted by
    ``MlflowProps.crypto_kek_passphrase``. ``MLFLOW_ENABLE_AI_GATEWAY``.
    """

    allowed_providers: Sequence[ProviderName] = ()
    """Providers that may be used, such as ``["openai", "anthropic"]``: all that MLflow knows, if left out.
    ``MLFLOW_GATEWAY_ALLOWED_PROVIDERS``."""
    budget_store: Redis | None = None
    """Where all server processes count what was spent together. Left out, each process counts for itself, so
    a budget holds ``replicas`` times ``workers`` times. Needs an image with the ``redis`` package, which MLflow's own
    lacks. ``MLFLOW_GATEWAY_BUDGET_REDIS_URL``."""
    budget_refresh_interval: timedelta = timedelta(minutes=10)
    """How long a changed budget may be unknown. ``MLFLOW_GATEWAY_BUDGET_REFRESH_INTERVAL``."""
    route_timeout: timedelta = timedelta(minutes=5)
    """How long a provider may take. ``MLFLOW_GATEWAY_ROUTE_TIMEOUT_SECONDS``."""
    api_base_schemes: Sequence[Literal["https", "http"]] = ("https",)
    """How providers of one's own are reached. ``MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES``."""
    allow_private_addresses: bool = False
    """Whether providers of one's own may be at private addresses: a vLLM of the cluster, but also whatever else the
    network policy lets the server reach, such as a cloud's metadata. ``MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS``."""
    egress: Sequence[Endpoint] = (Endpoint(port=443),)
    """Where the providers are, for the network policy: HTTPS anywhere, if left out."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        if not self.api_base_schemes:
            yield 'api_base_schemes must not be empty (got ()); write ["https"]'

    def needs(self) -> Needs:
        """Return the variables of the server, and the way to the providers."""
        plain = {
            "MLFLOW_GATEWAY_ALLOWED_PROVIDERS": ",".join(self.allowed_providers),
            "MLFLOW_GATEWAY_BUDGET_REFRESH_INTERVAL": str(int(self.budget_refresh_interval.total_seconds())),
            "MLFLOW_GATEWAY_ROUTE_TIMEOUT_SECONDS": str(int(self.route_timeout.total_seconds())),
            "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": ",".join(self.api_base_schemes),
            "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": str(self.allow_private_addresses).lower(),
        }
        env = tuple(EnvVar(name, value) for name, value in plain.items() if value)
        return merge(Needs(env=env, egress=tuple(self.egress)), self._budgets())

    def _budgets(self) -> Needs:
        if self.budget_store is None:
            return Needs()
        uri = self.budget_store.uri("gateway-budget")
        needs = uri_needs("MLFLOW_GATEWAY_BUDGET_REDIS_URL", uri if uri.secrets else uri.text)
        return attrs.evolve(needs, egress=(self.budget_store.endpoint(),))
