"""Ask a model of the gateway: ``ask_model.py URI NAME`` prints status and text of the answer."""

import json
import sys

import requests  # type: ignore[import-untyped, import-not-found, unused-ignore]

answer = requests.post(
    f"{sys.argv[1]}/gateway/mlflow/v1/chat/completions",
    json={"model": sys.argv[2], "messages": [{"role": "user", "content": "Hello"}]},
    timeout=60,
)
print(json.dumps([answer.status_code, answer.text]))  # noqa: T201
