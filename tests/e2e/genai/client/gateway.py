"""Make an endpoint of the gateway, as the UI does, or a budget; the last line is JSON.

``gateway.py make URI NAME API_BASE [PROVIDER]``: returns what was refused, or nothing.
``gateway.py budget URI DOLLARS``: allows so much a day, for all endpoints.
"""

import json
import sys

from mlflow.entities import GatewayEndpointModelConfig, GatewayModelLinkageType  # type: ignore[import-not-found, unused-ignore]
from mlflow.entities.gateway_budget_policy import (  # type: ignore[import-not-found, unused-ignore]
    BudgetAction,
    BudgetDuration,
    BudgetDurationUnit,
    BudgetTargetScope,
    BudgetUnit,
)
from mlflow.exceptions import MlflowException  # type: ignore[import-not-found, unused-ignore]
from mlflow.tracking._tracking_service.utils import _get_store  # type: ignore[import-not-found, unused-ignore]


def make(uri: str, name: str, api_base: str, provider: str = "openai") -> str:
    """Make key, model and endpoint."""
    store = _get_store(uri)
    try:
        key = store.create_gateway_secret(
            name, {"api_key": f"key of {name}"}, provider=provider, auth_config={"api_base": api_base}
        )
        model = store.create_gateway_model_definition(name, key.secret_id, provider, "gpt-4o")
        linked = GatewayEndpointModelConfig(model.model_definition_id, GatewayModelLinkageType.PRIMARY)
        store.create_gateway_endpoint(name, [linked])
    except MlflowException as error:
        return str(error)
    return ""


def budget(uri: str, dollars: str) -> str:
    """Make a budget."""
    a_day = BudgetDuration(BudgetDurationUnit.DAYS, 1)
    _get_store(uri).create_budget_policy(
        BudgetUnit.USD, float(dollars), a_day, BudgetTargetScope.GLOBAL, BudgetAction.REJECT
    )
    return ""


if __name__ == "__main__":
    words = sys.argv[2:]
    print(json.dumps(make(*words) if sys.argv[1] == "make" else budget(*words)))  # noqa: T201
