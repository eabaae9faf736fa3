"""The Job that creates generated keys, against an HTTPS server that answers as the API server does."""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme

from cdk8s_mlflow.scripts import generate_secrets

FERNET = {"name": "mlflow-webhook", "key": "fernet", "kind": "fernet"}
PASSPHRASE = {"name": "mlflow-kek", "key": "passphrase", "kind": "passphrase"}


@attrs.define
class ApiServer:
    """A local HTTPS server: it answers with the given statuses in turn, and keeps what it was asked."""

    answers: list[int | bytes] = attrs.field(factory=list)
    requests: list[tuple[str, str | None, Any]] = attrs.field(factory=list)
    port: int = 0

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        """Return the class that answers."""
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append((self.path, self.headers["Authorization"], body))
                answer = server.answers.pop(0)
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    return
                text = json.dumps({"kind": "Status", "message": "secrets is forbidden"}).encode()
                self.send_response(answer)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler


@pytest.fixture
def api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """Serve on localhost with a certificate of a CA made here, and put the pod's identity beside it."""
    server = ApiServer()
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), server.handler())
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    server.port = listening.server_address[1]
    authority.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    (tmp_path / "namespace").write_text("ml", encoding="utf-8")
    (tmp_path / "token").write_text("token-1", encoding="utf-8")
    monkeypatch.setattr(generate_secrets, "IDENTITY", tmp_path)
    monkeypatch.setattr(generate_secrets, "SETTINGS", tmp_path / "secrets.json")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    listening.shutdown()
    listening.server_close()
    thread.join()


def generate(*secrets: dict[str, str]) -> int:
    """Run the Job for some secrets."""
    generate_secrets.SETTINGS.write_text(json.dumps({"secrets": secrets}), encoding="utf-8")
    return generate_secrets.main()


def test_each_secret_is_created_in_the_namespace_of_the_pod(
    api_server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one request each, with the pod's token; no answer is read for what is in it."""
    api_server.answers = [201, 201]
    assert generate(PASSPHRASE, FERNET) == 0
    assert [(path, token) for path, token, _ in api_server.requests] == [
        ("/api/v1/namespaces/ml/secrets", "Bearer token-1"),
        ("/api/v1/namespaces/ml/secrets", "Bearer token-1"),
    ]
    assert [body["metadata"]["name"] for _, _, body in api_server.requests] == ["mlflow-kek", "mlflow-webhook"]
    assert capsys.readouterr().out == ("generate: Secret mlflow-kek created\ngenerate: Secret mlflow-webhook created\n")


def test_no_key_is_in_the_log(api_server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Logs are read by more people than Secrets."""
    api_server.answers = [201]
    generate(FERNET)
    ((_, _, body),) = api_server.requests
    assert body["stringData"]["fernet"] not in "".join(capsys.readouterr())


def test_the_secret_carries_no_label(api_server: ApiServer) -> None:
    """A GitOps tool prunes by labels, and `kubectl delete -l` deletes by them."""
    api_server.answers = [201]
    generate(FERNET)
    ((_, _, body),) = api_server.requests
    assert set(body["metadata"]) == {"name", "annotations"}
    assert (body["kind"], body["type"]) == ("Secret", "Opaque")


def test_a_secret_that_is_there_already_stays(api_server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Conflict is success: a second Job changes nothing, and the key is stable."""
    api_server.answers = [409, 201]
    assert generate(PASSPHRASE, FERNET) == 0
    assert capsys.readouterr().out.startswith("generate: Secret mlflow-kek is there already\n")
    assert len(api_server.requests) == 2


def test_a_fernet_key_is_what_fernet_takes() -> None:
    """URL-safe base64 of 32 bytes, with padding."""
    key = generate_secrets.new_key("fernet")
    assert len(key) == 44
    assert len(base64.urlsafe_b64decode(key)) == 32


def test_a_passphrase_has_256_bits_in_plain_characters() -> None:
    """No character of it needs an escape anywhere."""
    assert len(bytes.fromhex(generate_secrets.new_key("passphrase"))) == 32


def test_no_two_keys_are_the_same() -> None:
    """They are random."""
    assert len({generate_secrets.new_key(kind) for kind in ("fernet", "passphrase") for _ in range(50)}) == 100


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_rejects_at_once_what_asking_again_would_not_mend(
    api_server: ApiServer, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """The last line of the log says what the API server said."""
    api_server.answers = [status]
    assert generate(FERNET) == 1
    assert len(api_server.requests) == 1
    assert capsys.readouterr().out == (
        f"generate: the API server refuses to create Secret mlflow-webhook ({status}): secrets is forbidden\n"
    )


def test_an_api_server_that_recovers_is_asked_again(api_server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """With the same key kind, and a token that is read anew: tokens expire."""
    api_server.answers = [500, 503, 429, 201]
    assert generate(FERNET) == 0
    assert len(api_server.requests) == 4
    assert "attempt 3 of 8" in capsys.readouterr().out


def test_a_broken_connection_is_tried_again(api_server: ApiServer) -> None:
    """Whatever comes over it instead of an answer."""
    api_server.answers = [b"", b"no HTTP at all\r\n\r\n", 201]
    assert generate(FERNET) == 0


def test_rejects_an_answer_of_somebody_else_without_a_traceback(
    api_server: ApiServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A proxy's page is no JSON."""
    page = b"<html>forbidden</html>"
    head = f"HTTP/1.0 403 Forbidden\r\nContent-Length: {len(page)}\r\n\r\n"
    api_server.answers = [head.encode() + page]
    assert generate(FERNET) == 1
    assert "403" in capsys.readouterr().out


def test_rejects_an_api_server_that_never_answers(api_server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1 after the last attempt: the Job starts another pod, some times."""
    api_server.answers = [500] * 20
    assert generate(FERNET) == 1
    assert len(api_server.requests) == generate_secrets.ATTEMPTS
    assert "attempt 8 of 8" in capsys.readouterr().out


def test_rejects_a_server_with_another_ca(
    api_server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The token is sent to nobody who cannot show the cluster's certificate."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    assert generate(FERNET) == 1
    assert api_server.requests == []
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().out


def test_an_ipv6_address_stands_in_brackets(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As URLs want it; the pods of an IPv6 cluster get the bare address."""
    asked: list[str] = []

    def create(url: str, *_: object) -> str:
        asked.append(url)
        return "created"

    monkeypatch.setattr(generate_secrets, "create", create)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert generate(FERNET) == 0
    assert asked == [f"https://[fd00::1]:{api_server.port}/api/v1/namespaces/ml/secrets"]
    assert capsys.readouterr().out == "generate: Secret mlflow-webhook created\n"
