"""How many connections the server's processes may open to its databases."""

from __future__ import annotations

from datetime import timedelta

from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.values import PositiveInt


@frozen(kw_only=True)
class ConnectionPool:
    """How many connections each server process keeps to a database, and for how long.

    A process has two pools: one for runs and one for registered models.
    """

    size: PositiveInt = 5
    """Connections that stay open, per pool."""
    max_overflow: PositiveInt = 10
    """Further connections under load, per pool. MLflow takes 0 for its own 10, so 1 is the least."""
    recycle: timedelta = timedelta(minutes=30)
    """When to replace a connection: below the idle timeout of whatever stands between."""
    max_connections: PositiveInt | None = None
    """What the database allows this server: more than that, in the worst case, is refused at synth time."""


POOLS_PER_PROCESS = 2
CONNECTION_BUDGET = 90
"""What a default pool may use together: PostgreSQL allows 100 connections out of the box, some for its owner."""


def worst_case(pool: ConnectionPool, processes: int) -> int:
    """Return how many connections that many server processes may open together."""
    return processes * POOLS_PER_PROCESS * (pool.size + pool.max_overflow)


def default_pool(processes: int) -> ConnectionPool:
    """Return MLflow's own pool of 5 and 10 more, or smaller ones where all would exceed the budget."""
    share = max(2, min(15, CONNECTION_BUDGET // (processes * POOLS_PER_PROCESS)))
    size = min(5, share - 1)
    return ConnectionPool(size=size, max_overflow=share - size)
