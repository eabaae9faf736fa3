"""How the server is watched."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Metrics:
    """Serve Prometheus metrics at ``/metrics`` of the server's port: the larribas chart's ``prometheus.expose``.

    MLflow counts the requests of its older API only: artifact transfers and health checks are not in them.
    Whoever may connect to the server's port may read them.
    """
