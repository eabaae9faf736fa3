"""Synthesize as many production environments as the argument says; print what crossed to Node, by kind, as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

from production import production

from cdk8s_mlflow import synthesize
from cdk8s_mlflow.node import use_node

use_node()
from jsii._kernel.providers import process  # noqa: E402 - looks for Node

CROSSED: Counter[str] = Counter()
send = process._NodeProcess.send


def counted(self: Any, request: Any, response_type: Any) -> Any:
    """Send a request as jsii does, and count it by its kind and what it is about."""
    about = (getattr(request, name, None) for name in ("fqn", "method", "property"))
    kind = type(request).__name__.removesuffix("Request").lower()
    CROSSED[" ".join([kind, *(str(item) for item in about if item)])] += 1
    return send(self, request, response_type)


process._NodeProcess.send = counted  # type: ignore[method-assign]
synthesize(production(number) for number in range(int(sys.argv[1])))
sys.stdout.write(json.dumps(CROSSED))
