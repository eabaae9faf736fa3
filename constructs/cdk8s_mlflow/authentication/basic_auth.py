"""MLflow's own login."""

from __future__ import annotations

from cdk8s_mlflow.authentication.basic_app import BasicApp
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import Guard, Premises


@frozen(kw_only=True)
class BasicAuth(BasicApp):
    """User names and passwords that MLflow keeps itself (``--app-name basic-auth``). The simplest login.

    The first start makes the administrator, who makes further users on the page ``/signup`` or by MLflow's
    ``AuthServiceClient``. Needs an image with Flask-WTF: every ``-full`` one has it.
    """

    def guard(self, premises: Premises) -> Guard:
        """Return MLflow's app, and the administrator's credentials for its callers."""
        return self.app(premises)
