"""Say how MLflow's HDFS client connects: ``hdfs_connection.py URI``. The Hadoop library itself is not here."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyarrow import fs  # type: ignore[import-untyped, import-not-found, unused-ignore]

calls: list[dict[str, Any]] = []


def connect(**options: Any) -> None:
    """Note the options instead of loading libhdfs."""
    calls.append(options)
    raise OSError


if __name__ == "__main__":
    fs.HadoopFileSystem = connect
    from mlflow.store.artifact.hdfs_artifact_repo import (  # type: ignore[import-not-found, unused-ignore]
        HdfsArtifactRepository,
    )

    with suppress(OSError):
        HdfsArtifactRepository(sys.argv[1]).list_artifacts()
    [call] = calls
    result = {
        "connects": call,
        "ticket": Path(call.get("kerb_ticket") or os.devnull).read_text(encoding="utf-8"),
        "path": HdfsArtifactRepository(sys.argv[1]).path,
    }
    print(json.dumps(result))  # noqa: T201 - the answer
