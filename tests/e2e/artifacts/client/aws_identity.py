"""Say whose credentials MLflow's S3 client takes, where a cloud gives some to the pod.

A server in this process stands for the token service of Amazon (POST) and for the agent of EKS Pod Identity (GET);
the variables that EKS's webhook injects name it.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository  # type: ignore[import-not-found, unused-ignore]

EXPIRES = "2099-01-01T00:00:00Z"
ANSWER = (
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    "<AccessKeyId>of-the-role</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    f"<Expiration>{EXPIRES}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
    "</AssumeRoleWithWebIdentityResponse>"
)
asked: list[str] = []


class Cloud(BaseHTTPRequestHandler):
    """Hands out credentials, and remembers who asked."""

    def do_GET(self) -> None:
        """Be the agent of EKS Pod Identity."""
        asked.append(self.headers["Authorization"])
        keys = {"AccessKeyId": "of-the-pod", "SecretAccessKey": "s", "Token": "t", "Expiration": EXPIRES}
        self._answer(json.dumps(keys))

    def do_POST(self) -> None:
        """Be the token service."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        asked.append(f"{form['RoleArn'][0]} {form['WebIdentityToken'][0]}")
        self._answer(ANSWER)

    def log_message(self, *_: object) -> None:
        """Keep silent."""

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    Path("/tmp/token").write_text("of the account", encoding="utf-8")  # noqa: S108 - in the pod
    server = HTTPServer(("127.0.0.1", 8111), Cloud)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = S3ArtifactRepository("s3://bucket/folder")._get_s3_client()
    credentials = client._request_signer._credentials
    result = {
        "method": credentials.method,
        "key": credentials.get_frozen_credentials().access_key,
        "asked": asked,
        "region": client.meta.region_name,
        "endpoint": client.meta.endpoint_url,
    }
    print(json.dumps(result))  # noqa: T201 - the answer
