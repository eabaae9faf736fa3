"""The same objects as ``production.py``'s, ready made: what cdk8s itself takes for as many environments.

Written as one would by hand: an ``ApiObject`` for each, its fields patched in. Nothing is decided or checked.
"""

from __future__ import annotations

import json
import sys

from production import production

from cdk8s_mlflow.manifests import define_manifests
from cdk8s_mlflow.node import use_node
from cdk8s_mlflow.plan import plan

use_node()
import cdk8s  # noqa: E402 - looks for Node

ENVIRONMENT = production(0)
READY = json.dumps(define_manifests(plan(ENVIRONMENT.mlflow, name=ENVIRONMENT.id, namespace="mlflow-0")))

app = cdk8s.App()
for number in range(int(sys.argv[1])):
    chart = cdk8s.Chart(app, f"production-{number}", namespace=f"mlflow-{number}")
    for ready in json.loads(READY):
        metadata = ready["metadata"]
        made = cdk8s.ApiObject(
            chart,
            f"{ready['kind']}-{metadata['name']}",
            api_version=ready["apiVersion"],
            kind=ready["kind"],
            metadata=cdk8s.ApiObjectMetadata(
                name=metadata["name"], labels=metadata.get("labels"), annotations=metadata.get("annotations")
            ),
        )
        fields = (name for name in ready if name not in {"apiVersion", "kind", "metadata"})
        made.add_json_patch(*(cdk8s.JsonPatch.add(f"/{name}", ready[name]) for name in fields))
app.synth()
