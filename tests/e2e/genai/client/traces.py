"""Write a trace with MLflow's client, or read every trace: ``traces.py URI [write]``; the last line is JSON.

What is read: by trace, where its spans are, and name, inputs and attributes of each.
"""

import json
import sys
from typing import Any

import mlflow  # type: ignore[import-not-found, unused-ignore]


def write() -> str:
    """Write a trace of two spans."""
    with mlflow.start_span("question") as outer:
        outer.set_inputs({"question": "größe?"})
        with mlflow.start_span("answer") as inner:
            inner.set_outputs(["漢"] * 10)
    mlflow.flush_trace_async_logging()
    return str(outer.trace_id)


def read() -> dict[str, Any]:
    """Read every trace of the default experiment."""
    return {
        trace.info.trace_id: {
            "where": trace.info.tags.get("mlflow.trace.spansLocation"),
            "spans": [
                [span.name, span.inputs, span.outputs, span.get_attribute("städte")] for span in trace.data.spans
            ],
        }
        for trace in mlflow.search_traces(locations=["0"], return_type="list")
    }


if __name__ == "__main__":
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment(experiment_id="0")
    print(json.dumps(write() if sys.argv[2:] else read()))  # noqa: T201 - the answer
