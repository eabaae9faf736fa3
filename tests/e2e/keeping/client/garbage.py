"""Make garbage on a tracking server, and say what is left: ``garbage.py make URI``, ``garbage.py look URI WHAT``."""

import json
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]
from mlflow.exceptions import MlflowException  # type: ignore[import-not-found, unused-ignore]


def make(client: Any) -> dict[str, str]:
    """Log runs with an artifact each: one stays, the others are deleted, one of them with its experiment."""
    experiment = client.create_experiment(f"kept-{uuid.uuid4().hex[:8]}")
    lost = client.create_experiment(f"lost-{uuid.uuid4().hex[:8]}")
    made = {"lost experiment": lost}
    for name in ("living", "young", "old", "with experiment"):
        run = client.create_run(lost if name == "with experiment" else experiment).info.run_id
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "note.txt")
            path.write_text(name, encoding="utf-8")
            client.log_artifact(run, str(path))
        made[name] = run
    client.delete_run(made["young"])
    client.delete_run(made["old"])
    client.delete_experiment(lost)
    return made


def is_there(call: Any, *arguments: str) -> bool:
    """Return whether the server knows something."""
    try:
        call(*arguments)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def look(client: Any, made: dict[str, str]) -> list[str]:
    """Return what the server still knows."""
    found = [name for name, run in made.items() if name != "lost experiment" and is_there(client.get_run, run)]
    lost = is_there(client.get_experiment, made["lost experiment"])
    return sorted([*found, *(["lost experiment"] if lost else [])])


if __name__ == "__main__":
    action, uri, *what = sys.argv[1:]
    tracking = mlflow.MlflowClient(uri)
    answer = make(tracking) if action == "make" else look(tracking, json.loads(what[0]))
    print(json.dumps(answer))  # noqa: T201 - the answer
