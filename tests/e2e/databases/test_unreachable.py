"""A database that is not there yet when the pods start."""

from __future__ import annotations

import time

import pytest
from e2e.installation import USED, applied, release, use
from e2e.kubectl import Pod, apply_manifests, wait_for_pods
from e2e.manifests import secret
from e2e.results import record
from e2e.servers import postgresql

from cdk8s_mlflow import ExistingSecret, FixedReplicas, MlflowProps, PostgreSQL

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "late/and:odd@%"
SETUP = f"""psql -h /tmp -U postgres -v ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE mlflow LOGIN PASSWORD '{PASSWORD}';
CREATE DATABASE mlflow OWNER mlflow;
SQL
"""


def test_pods_come_up_by_themselves_when_the_database_is_back(main: str, client: Pod) -> None:
    """For three minutes nothing answers; the log says what the pods wait for, no container ends, then all is well."""
    *settings, server, service = postgresql(main, "postgresql-late", setup=SETUP)
    apply_manifests([*settings, service, secret(main, "late", {"password": PASSWORD})])
    store = PostgreSQL(host="postgresql-late", password=ExistingSecret("late", "password"))
    late = release(main, "late", MlflowProps(backend_store=store, scaling=FixedReplicas(2)))
    with applied(late):
        time.sleep(180)
        late.assert_calm()
        waiting = late.logs("migrate")
        apply_manifests([server])
        wait_for_pods(main, "postgresql-late")
        back = time.monotonic()
        late.wait()
        seconds = round(time.monotonic() - back, 1)
        late.assert_calm()
        print(waiting)  # noqa: T201 - for whoever writes the page of messages
        assert "migrate: waiting for backend-store: " in waiting
        assert "postgresql-late" in waiting or "Connection refused" in waiting
        assert PASSWORD not in late.logs()
        assert use(client, late)["late"] == USED
    name = "the database is not there at the start, for 180 s (time from its return to ready)"
    record("faults", name, {"lost": "nothing", "API unavailable, s": seconds, "healed": "by itself"})
