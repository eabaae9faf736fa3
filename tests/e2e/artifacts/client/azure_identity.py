"""Say whose credentials MLflow's Azure client takes: ``azure_identity.py URI``."""

import json
import sys

from mlflow.store.artifact.azure_blob_artifact_repo import (  # type: ignore[import-not-found, unused-ignore]
    AzureBlobArtifactRepository,
)

if __name__ == "__main__":
    client = AzureBlobArtifactRepository(sys.argv[1]).client
    chain = getattr(client.credential, "credentials", ())
    result = {
        "account": client.url,
        "credentials": type(client.credential).__name__,
        "chain": [type(item).__name__ for item in chain],
    }
    print(json.dumps(result))  # noqa: T201 - the answer
