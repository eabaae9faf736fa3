"""Users of a directory: who gets in, with which rights, and what happens when the directory is odd, or away."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta

import attrs
import pytest
from e2e.installation import Installation, all_objects, applied, release
from e2e.kubectl import Pod, apply_manifests, kubectl, wait_for_pods, wait_until
from e2e.manifests import python_pod, secret, service
from e2e.servers import PostgreSQLServer

from cdk8s_mlflow import ArtifactVolume, ConfigMapKey, ExistingSecret, LdapAuth, LdapTls, MlflowProps, SQLite, UserDn

from .conftest import ADMIN_PASSWORD, JOB_TOKEN, LOGIN_IMAGE
from .directory import ML, OPS, PASSWORDS, PEOPLE, SEARCHER_PASSWORD, Directory, dn_of
from .guarded import EXPERIMENTS, Guarded, Headers, Request, ask, ask_once, basic_header, status
from .test_basic import collect

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ALICE, BOB, CAROL = (basic_header(name, PASSWORDS[name]) for name in ("alice", "bob", "carol"))
ODD = "o'neil (x)*, +=<b>"
SEARCH = f"{EXPERIMENTS}/search?max_results=1"
CURRENT = "/api/2.0/mlflow/users/current"

WHO = {
    "a member": (ALICE, "alice"),
    "a password of odd characters": (BOB, "bob"),
    "a name of odd characters": (basic_header(ODD, PASSWORDS[ODD]), ODD),
    "a name in another case": (basic_header("ALICE", PASSWORDS["alice"]), "alice"),
    "a name with blanks": (basic_header(" alice ", PASSWORDS["alice"]), "alice"),
    "the administrator": (basic_header("admin", ADMIN_PASSWORD), "admin"),
}
NOBODY = {
    "a right password outside of the allowed groups": CAROL,
    "another password": basic_header("alice", PASSWORDS["bob"]),
    "no password, which the directory would take": basic_header("alice", ""),
    "no name": basic_header("", PASSWORDS["alice"]),
    "a name that is not there": basic_header("nobody", "x"),
    "the directory's admin": basic_header("admin", PASSWORDS["admin"]),
    "the directory's admin in another case": basic_header("ADMIN", PASSWORDS["admin"]),
    "the directory's admin with a blank": basic_header("admin ", PASSWORDS["admin"]),
    "a name that is there twice": basic_header("twin", PASSWORDS["twin"]),
    "an entry with two names": basic_header("double", PASSWORDS["double"]),
    "everybody": basic_header("*", PASSWORDS["alice"]),
    "a beginning": basic_header("ali*", PASSWORDS["alice"]),
    "a filter that is closed": basic_header("alice)(uid=*", PASSWORDS["alice"]),
    "a filter that is true": basic_header("nobody)(|(uid=alice)", PASSWORDS["alice"]),
    "a filter's escape": basic_header(r"\61lice", PASSWORDS["alice"]),
    "a NUL": basic_header("alice\0", PASSWORDS["alice"]),
    "a NUL and more": basic_header("alice\0)(uid=*", PASSWORDS["alice"]),
    "a line break": basic_header("alice\n", PASSWORDS["alice"]),
    "a name for a template": basic_header("{username}", PASSWORDS["alice"]),
    "another entry below": basic_header("mlflow,ou=services", SEARCHER_PASSWORD),
    "a whole entry": basic_header(dn_of("alice"), PASSWORDS["alice"]),
    "a very long name": basic_header("a" * 5000, "x"),
    "the account that searches": basic_header("mlflow", SEARCHER_PASSWORD),
}
NATIVE = (
    ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/x"),
    ("POST", "/v1/traces"),
    ("POST", "/gateway/mlflow/v1/chat/completions"),
    ("POST", "/gateway/1/mlflow/invocations"),
    ("GET", "/ajax-api/3.0/jobs/1"),
    ("POST", "/ajax-api/3.0/jobs/search"),
    ("GET", "/ajax-api/3.0/mlflow/assistant/config"),
    ("GET", "/ajax-api/3.0/mlflow/mcp-servers"),
)
"""What FastAPI serves itself: MLflow asks for the login there in another way."""


@pytest.mark.parametrize("who", WHO)
def test_these_get_in(who: str, ldap: Guarded) -> None:
    """By every kind of route, and MLflow knows them by the directory's name for them."""
    headers, name = WHO[who]
    current = ask_once(ldap.client, ldap.installation.uri, "GET", CURRENT, headers)
    assert (current.status, current.said["user"]["username"]) == (200, name)
    assert status(ldap.client, ldap.installation.uri, headers) == 200
    assert status(ldap.client, ldap.installation.uri, headers, "/ajax-api/3.0/mlflow/assistant/config") not in {
        401,
        503,
    }


@pytest.mark.parametrize("kind", ["older", "native"])
def test_nobody_else_gets_in(kind: str, ldap: Guarded) -> None:
    """What was typed means nothing to the directory but a name, and no doubt lets anybody in."""
    path = SEARCH if kind == "older" else "/ajax-api/3.0/jobs/1"
    answers = ask(ldap.client, ldap.installation.uri, [("GET", path, headers) for headers in NOBODY.values()])
    found = {name: answer.status for name, answer in zip(NOBODY, answers, strict=True)}
    assert found == dict.fromkeys(NOBODY, 401)


def test_native_routes_ask_the_directory_too(ldap: Guarded) -> None:
    """Artifacts, traces, gateway, jobs, assistant: refused without a login, answered with one."""
    uri = ldap.installation.uri
    refused = ask(ldap.client, uri, [(method, path, {}) for method, path in NATIVE])
    assert {answer.status for answer in refused} == {401}
    wrong = ask(ldap.client, uri, [(method, path, basic_header("alice", "x")) for method, path in NATIVE])
    assert {answer.status for answer in wrong} == {401}
    answered = ask(ldap.client, uri, [(method, path, ALICE) for method, path in NATIVE])
    assert not {answer.status for answer in answered} & {401, 403, 503}


def test_a_provider_key_may_stand_beside_the_login_at_the_gateway(ldap: Guarded) -> None:
    """As with MLflow's own login: the header for the provider is not for MLflow, there and nowhere else."""
    login = {"Authorization": "Bearer a-key-of-the-provider", "X-MLflow-Authorization": ALICE["Authorization"]}
    gateway = ask_once(ldap.client, ldap.installation.uri, "POST", "/gateway/1/mlflow/invocations", login)
    elsewhere = ask_once(ldap.client, ldap.installation.uri, "GET", SEARCH, login)
    assert gateway.status not in {401, 503}
    assert elsewhere.status == 401


def test_jobs_of_the_server_reach_its_gateway_alone(ldap: Guarded) -> None:
    """MLflow gives its jobs a token that is good for any user's name, at the gateway."""
    job = basic_header("alice", JOB_TOKEN)
    paths: list[Request] = [
        ("POST", "/gateway/1/mlflow/invocations", job),
        ("POST", "/v1/traces", job),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/x", job),
        ("GET", SEARCH, job),
        ("GET", "/api/2.0/mlflow/gateway/x", job),
        ("GET", f"/gateway/..{SEARCH}", job),
    ]
    found = [answer.status for answer in ask(ldap.client, ldap.installation.uri, paths)]
    assert found[0] not in {401, 503}
    assert set(found[1:]) <= {401, 404}


def test_groups_say_what_a_user_may_do(ldap: Guarded) -> None:
    """Ops are administrators; ML may edit what others made, and administrate nothing."""
    uri = ldap.installation.uri
    assert is_admin(ldap, ALICE)
    assert not is_admin(ldap, BOB)
    made = ask_once(ldap.client, uri, "POST", f"{EXPERIMENTS}/create", ALICE, {"name": "made by alice"}).said
    experiment = made["experiment_id"]
    answers = ask(
        ldap.client,
        uri,
        [
            ("GET", f"{EXPERIMENTS}/get?experiment_id={experiment}", BOB),
            ("POST", "/api/2.0/mlflow/runs/create", BOB, {"experiment_id": experiment}),
            ("POST", f"{EXPERIMENTS}/delete", BOB, {"experiment_id": experiment}),
            ("POST", "/api/2.0/mlflow/users/create", BOB, {"username": "friend", "password": "a long password"}),
        ],
    )
    assert [answer.status for answer in answers] == [200, 200, 403, 403]


def is_admin(guarded: Guarded, headers: Headers) -> bool:
    """Whether MLflow takes somebody for an administrator."""
    answer = ask_once(guarded.client, guarded.installation.uri, "GET", CURRENT, headers)
    assert answer.status == 200, answer
    return bool(answer.said["user"]["is_admin"])


def test_a_change_of_the_directory_is_seen_when_the_answer_is_forgotten(ldap: Guarded, directory: Directory) -> None:
    """Groups, passwords and deleted users: five seconds here."""
    uri = ldap.installation.uri
    assert is_admin(ldap, ALICE)
    directory.change(f"dn: {OPS}\nchangetype: modify\nreplace: member\nmember:: {base64_of(dn_of('bob'))}\n")
    wait_until("alice is no administrator", lambda: not is_admin(ldap, ALICE), timeout=120)
    wait_until("bob is an administrator", lambda: is_admin(ldap, BOB), timeout=120)
    directory.change(f"dn: {OPS}\nchangetype: modify\nreplace: member\nmember:: {base64_of(dn_of('alice'))}\n")
    wait_until("alice is one again", lambda: is_admin(ldap, ALICE), timeout=120)
    wait_until("bob is none", lambda: not is_admin(ldap, BOB), timeout=120)
    person = f"dn:: {base64_of(dn_of('bob'))}\nchangetype: modify\nreplace: userPassword\nuserPassword: "
    directory.change(f"{person}changed for a while\n")
    wait_until("the old password is nothing", lambda: status(ldap.client, uri, BOB) == 401, timeout=120)
    assert status(ldap.client, uri, basic_header("bob", "changed for a while")) == 200
    directory.change(f"{person[:-1]}: {base64_of(PASSWORDS['bob'])}\n")
    wait_until("the password is as it was", lambda: status(ldap.client, uri, BOB) == 200, timeout=120)
    member = f"dn: {ML}\nchangetype: modify\n{{}}: member\nmember:: {base64_of(dn_of('bob'))}\n"
    directory.change(member.format("delete"))
    wait_until("no member, no login", lambda: status(ldap.client, uri, BOB) == 401, timeout=120)
    directory.change(member.format("add"))
    wait_until("a member again", lambda: status(ldap.client, uri, BOB) == 200, timeout=120)


def base64_of(value: str) -> str:
    """Return a value as LDIF takes any."""
    return base64.b64encode(value.encode()).decode()


def test_many_requests_ask_the_directory_once(ldap: Guarded, directory: Directory) -> None:
    """A page of the UI asks many things at once: one bind for all of them, in each replica; refusals are kept too."""
    before = binds(directory, "alice"), binds(directory, "bob")
    wrong = basic_header("bob", "x")
    requests: list[Request] = [("GET", SEARCH, headers) for headers in (ALICE, wrong) for _ in range(40)]
    answers = ask(ldap.client, ldap.installation.uri, requests)
    assert {answer.status for answer in answers[:40]} == {200}
    assert {answer.status for answer in answers[40:]} == {401}
    after = binds(directory, "alice"), binds(directory, "bob")
    # Two replicas, and answers are forgotten after five seconds.
    assert 0 <= after[0] - before[0] <= 8
    assert 1 <= after[1] - before[1] <= 8


def binds(directory: Directory, name: str) -> int:
    """Return how often the directory was asked for a person's password."""
    logs = kubectl("-n", directory.namespace, "logs", "ldap")
    return len(re.findall(rf'BIND dn="uid={name},[^"]*" method=128', logs))


def test_users_have_no_password_in_mlflow(ldap: Guarded) -> None:
    """An administrator of MLflow may give one to a user of the directory: it opens nothing."""
    told = {"username": "bob", "password": "given by MLflow's administrator"}
    path = "/api/2.0/mlflow/users/update-password"
    assert ask_once(ldap.client, ldap.installation.uri, "PATCH", path, ldap.right, told).status == 200
    assert status(ldap.client, ldap.installation.uri, basic_header("bob", told["password"])) == 401


def test_garbage_collection_logs_in_without_the_directory(ldap: Guarded) -> None:
    """It is the administrator, whose password MLflow keeps."""
    collect(ldap)


def test_no_object_process_or_log_holds_a_password(ldap: Guarded) -> None:
    """Neither the searching account's nor anybody's."""
    installation = ldap.installation
    mine = [item for item in all_objects(installation.namespace) if installation.name in item["metadata"]["name"]]
    assert [item for item in mine if "ldap_login.json" in item.get("data", {})]
    seen = json.dumps(mine, ensure_ascii=False) + installation.logs()
    for pod in installation.pods():
        seen += pod.execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert not [value for value in (SEARCHER_PASSWORD, *PASSWORDS.values()) if value in seen]


def test_first_logins_at_once_make_each_user_once(ldap: Guarded, postgres: PostgreSQLServer) -> None:
    """Two replicas, of which both find neither the users nor the roles of their groups, and make them."""
    for _ in range(3):
        tables = ("user_role_assignments", "role_permissions", "roles", "users")
        kept = {"users": " WHERE username <> 'admin'"}
        postgres.sql(*(f"DELETE FROM {name}{kept.get(name, '')}" for name in tables), database="ldap")  # noqa: S608
        time.sleep(6)  # the answers are forgotten
        people = [ALICE, BOB, basic_header(ODD, PASSWORDS[ODD])]
        requests: list[Request] = [("GET", SEARCH, headers) for headers in people * 8]
        answers = ask(ldap.client, ldap.installation.uri, requests)
        assert [answer for answer in answers if answer.status != 200] == []
        assert postgres.sql("SELECT count(*) FROM users", database="ldap") == ["4"]
    assert is_admin(ldap, ALICE)


# --- Another way to ask, and servers that are not to be trusted ------------------------------------------------


@attrs.frozen
class Doubtful:
    """Servers that ask a directory which is not quite right."""

    client: Pod
    template: Installation
    mistrust: Installation


@pytest.fixture(scope="module")
def doubtful(main: str, client: Pod, directory: Directory) -> Iterator[Doubtful]:
    """Start a server whose first two directories are a stranger and silent, and one that trusts another authority."""
    silent = "import socket, time; s = socket.create_server(('', 3389)); time.sleep(10**6)"
    stranger = service(main, "ldap-stranger", 3389)
    stranger["spec"]["selector"] = {"app": "ldap"}  # the same server, under a name that its certificate has not
    apply_manifests(
        [
            python_pod(main, "silent", "python", "-c", silent),
            service(main, "silent", 3389),
            stranger,
            secret(main, "doubtful-admin", {"password": ADMIN_PASSWORD}),
        ]
    )
    wait_for_pods(main, "silent")
    login = LdapAuth(
        urls=[f"ldap://ldap-stranger.{main}:3389", f"ldap://silent.{main}:3389", directory.tls_url],
        users=UserDn(f"uid={{username}},{PEOPLE}"),
        tls=LdapTls(ca=ConfigMapKey("ca", "ca.crt")),
        admin_groups=[OPS.upper().replace(",", ", ")],
        admin_password=ExistingSecret("doubtful-admin", "password"),
        auth_cache_ttl=timedelta(seconds=2),
    )
    mistrusting = attrs.evolve(login, urls=[directory.url], tls=LdapTls(ca=ConfigMapKey("other-ca", "ca.crt")))
    props = MlflowProps(image=LOGIN_IMAGE, authentication=login, artifact_store=ArtifactVolume(volume=SQLite().volume))
    template = release(main, "ldap-template", props)
    mistrust = release(main, "ldap-mistrust", attrs.evolve(props, authentication=mistrusting))
    with applied(template, mistrust):
        template.wait(600)
        mistrust.wait(600)
        yield Doubtful(client, template, mistrust)


def test_servers_that_cannot_be_trusted_or_are_silent_are_left_out(doubtful: Doubtful) -> None:
    """A wrong name in the certificate, no answer within three seconds: the third server decides."""
    uri = doubtful.template.uri
    started = time.monotonic()
    answer = ask_once(doubtful.client, uri, "GET", CURRENT, ALICE)
    assert (answer.status, answer.said["user"]) == (200, answer.said["user"] | {"username": "alice", "is_admin": True})
    assert time.monotonic() - started < 30
    doubtful.template.assert_calm()


def test_a_template_and_the_users_own_rights_do_as_well(doubtful: Doubtful) -> None:
    """No account that searches: entries by a template, groups by memberOf, names in any case."""
    odd = basic_header(ODD, PASSWORDS[ODD])
    cases = {"bob": BOB, "carol": CAROL, "alice": basic_header("Alice", PASSWORDS["alice"]), ODD: odd}
    for name, headers in cases.items():
        current = ask_once(doubtful.client, doubtful.template.uri, "GET", CURRENT, headers)
        assert (current.status, current.said["user"]["username"]) == (200, name)
        assert current.said["user"]["is_admin"] is (name == "alice")
    refused = {
        name: headers for name, headers in NOBODY.items() if name != "a right password outside of the allowed groups"
    }
    answers = ask(doubtful.client, doubtful.template.uri, [("GET", SEARCH, headers) for headers in refused.values()])
    assert {name: answer.status for name, answer in zip(refused, answers, strict=True)} == dict.fromkeys(refused, 401)


def test_clients_store_artifacts(doubtful: Doubtful) -> None:
    """MLflow's client, with a user's name and password, by the route that FastAPI serves."""
    program = (
        "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment('of-a-user')\n"
        "with mlflow.start_run() as run: mlflow.log_text('hello', 'a/b.txt')\n"
        "print(mlflow.artifacts.load_text(run.info.artifact_uri + '/a/b.txt'))"
    )
    variables = ("MLFLOW_TRACKING_USERNAME=carol", f"MLFLOW_TRACKING_PASSWORD={PASSWORDS['carol']}")
    output = doubtful.client.execute("env", *variables, "python", "-c", program, doubtful.template.uri)
    assert output.splitlines()[-1] == "hello"


def test_a_directory_of_another_authority_lets_nobody_in(doubtful: Doubtful) -> None:
    """No password is sent to a server whose certificate is not right; the log says so."""
    uri = doubtful.mistrust.uri
    assert status(doubtful.client, uri, ALICE) == 503
    assert status(doubtful.client, uri, ALICE, "/ajax-api/3.0/jobs/1") == 503
    assert status(doubtful.client, uri, basic_header("admin", ADMIN_PASSWORD)) == 200
    assert re.search(r"ldap: nobody can log in: .*certificate verify failed", doubtful.mistrust.logs("mlflow"))


def test_a_directory_that_is_away_lets_nobody_in_and_takes_nobody_along(ldap: Guarded, directory: Directory) -> None:
    """Closed, not open: 503 for users; the administrator, our callers and the kubelet get on; then it is back."""
    uri, namespace = ldap.installation.uri, directory.namespace
    assert status(ldap.client, uri, ALICE) == 200
    # Its Service leads nowhere, as if the directory were away.
    kubectl("-n", namespace, "label", "pod", "ldap", "app=away", "--overwrite")
    try:
        wait_until("users are refused", lambda: status(ldap.client, uri, ALICE) == 503, timeout=120)
        requests: list[Request] = [("GET", SEARCH, ALICE), ("GET", "/ajax-api/3.0/jobs/1", ALICE)] * 10
        requests += [("GET", SEARCH, ldap.right), ("GET", "/health", {})] * 10
        found = [answer.status for answer in ask(ldap.client, uri, requests)]
        assert found == [503] * 20 + [200] * 20
        assert "ldap: nobody can log in: " in ldap.installation.logs("mlflow")
        collect(ldap)
    finally:
        kubectl("-n", namespace, "label", "pod", "ldap", "app=ldap", "--overwrite")
    wait_until("users get in again", lambda: status(ldap.client, uri, ALICE) == 200, timeout=180)
    ldap.installation.assert_calm()
