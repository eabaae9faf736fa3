"""Say whose credentials MLflow's GCS client takes, and whether it can sign URLs by them.

A server in this process stands for the metadata server of Google, which GCE_METADATA_HOST and
GCE_METADATA_IP name.
"""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from google.auth.transport.requests import Request  # type: ignore[import-untyped, import-not-found, unused-ignore]
from mlflow.store.artifact.gcs_artifact_repo import (  # type: ignore[import-not-found, unused-ignore]
    GCSArtifactRepository,
)

ANSWERS = {
    "project/project-id": "tests",
    "universe/universe-domain": "",
    "token": json.dumps({"access_token": "of-the-pod", "expires_in": 3600, "token_type": "Bearer"}),
    "": json.dumps({"email": "server@tests.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}),
}


class Metadata(BaseHTTPRequestHandler):
    """Is the metadata server."""

    def do_GET(self) -> None:
        """Answer what the client asks."""
        text = next(text for path, text in ANSWERS.items() if self.path.partition("?")[0].endswith(path))
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/json" if text.startswith("{") else "text/plain")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Keep silent."""


def signs(repository: GCSArtifactRepository) -> bool:
    """Whether the server could give a client a URL to send a part to."""
    try:
        repository._get_bucket("bucket").blob("file").generate_signed_url(
            method="PUT", version="v4", expiration=timedelta(minutes=1)
        )
    except (AttributeError, TypeError):  # by Google's words: "you need a private key to sign credentials"
        return False
    return True


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", 8112), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    repository = GCSArtifactRepository("gs://bucket/folder")
    credentials = repository.client._credentials
    account = getattr(credentials, "service_account_email", None)
    if "compute" in type(credentials).__module__:
        credentials.refresh(Request())
    result = {
        "credentials": f"{type(credentials).__module__}.{type(credentials).__name__}",
        "account": account,
        "token": credentials.token,
        "endpoint": repository.client.api_endpoint,
        "signs": signs(repository),
    }
    print(json.dumps(result))  # noqa: T201 - the answer
