"""``make bench-cluster``: measure what is deployed beside what the charts deploy; write a table, and JSON.

On the cluster that KUBECONFIG names, in a namespace of its own: one image, one PostgreSQL, one MinIO, and the
contenders one after the other in short rounds. ``cluster.py [--rounds N] [SECTION...]``; what other sections measured
before stays in both files. BENCH_LOCK names a file that is locked while something is timed, where several
people measure on one machine.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import page
from contenders import ACCESS_KEY, ENDPOINT, NAMESPACE, PASSWORD, Contender, Ours, community, official, ours
from e2e.environments import program
from e2e.environments import run as run_in
from e2e.kubectl import Pod, apply_manifests, container_statuses, kubectl, wait_for_pods
from e2e.manifests import delete_namespaces, minio, namespace, python_pod, secret
from e2e.servers import PostgreSQLServer, postgresql
from rounds import Round, Row, comparison, median
from usage import usage

from cdk8s_mlflow import Presigned

BENCH = Path(__file__).parent
RESULTS = page.ROOT / "build" / "bench-cluster.json"
NAMES = {"ours": "cdk8s-mlflow", "official": "MLflow's own", "community": "community-charts"}
MEGABYTES = 1074
"""1 GiB and a little."""
SECONDS_UNTIL_CALM, SECONDS_AT_REST, SECONDS_OF_LOAD, SECONDS_OF_THROUGHPUT, THREADS = 25, 60, 30, 12, 16
MIGRATE = """
import resource, subprocess, sys
subprocess.run([sys.executable, "/etc/mlflow/migrate.py"], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""
"""Does again, in a server's pod, what its init container did."""

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"

Measured: TypeAlias = dict[str, dict[str, float]]


def say(words: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stderr.flush()


class _Lock:
    """A file that is locked while something is timed, and kept for some minutes: whoever queues again waits long."""

    def __init__(self, name: str | None) -> None:
        self.file = Path(name).open("w", encoding="utf-8") if name else None  # noqa: SIM115 - locked until the end
        self.since: float | None = None

    def take(self) -> None:
        if self.file and self.since is None:
            fcntl.flock(self.file, fcntl.LOCK_EX)
            self.since = time.monotonic()

    def give(self, after: float = 0) -> None:
        if self.file and self.since is not None and time.monotonic() - self.since >= after:
            fcntl.flock(self.file, fcntl.LOCK_UN)
            self.since = None


LOCK = _Lock(os.environ.get("BENCH_LOCK"))
LOCK_SECONDS = 150


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one who measures, as far as others ask for the same lock."""
    LOCK.take()
    yield
    LOCK.give(after=LOCK_SECONDS)


def timed(action: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


# --- The room ----------------------------------------------------------------------------------------------


@attrs.frozen
class Room:
    """The namespace with the stores and a client."""

    contenders: tuple[Contender, ...]
    client: Pod = Pod(NAMESPACE, "client")
    database: PostgreSQLServer = PostgreSQLServer(NAMESPACE)

    def make(self) -> None:
        """Make it anew."""
        delete_namespaces([NAMESPACE])
        made = namespace(NAMESPACE)
        labels = made["metadata"]["labels"]
        for name in [name for name in labels if name.startswith("pod-security")]:
            del labels[name]
        labels["pod-security.kubernetes.io/enforce"] = "baseline"  # community-charts' pods are not "restricted"
        apply_manifests([made])
        kubectl("-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
        keys = {"kek-passphrase": "a passphrase", "webhook-key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
        access = {"access-key-id": ACCESS_KEY["id"], "secret-access-key": ACCESS_KEY["key"]}
        pods = [
            *postgresql(NAMESPACE, args=["-c", "max_connections=400"]),
            *minio(NAMESPACE, ACCESS_KEY["id"], ACCESS_KEY["key"]),
            python_pod(NAMESPACE, "client"),
        ]
        for item in pods:
            if item["kind"] == "Pod":
                [container] = item["spec"]["containers"]
                container["resources"] = {"requests": {"cpu": "50m"}}
                # As MLflow's client tries again by itself; what may fail is sent by other programs.
                container["env"] = [each for each in container["env"] if each["name"] != RETRIES]
        apply_manifests(
            [
                secret(NAMESPACE, "mlflow-postgresql", {"username": "ours", "password": PASSWORD}),
                secret(NAMESPACE, "mlflow-s3", access),
                secret(NAMESPACE, "mlflow-keys", keys),
                *pods,
            ]
        )
        wait_for_pods(NAMESPACE, "postgresql", "minio", "client")
        names = [contender.name for contender in self.contenders]
        run_in(self.client, "buckets", ENDPOINT, ACCESS_KEY["id"], ACCESS_KEY["key"], *names)
        for name in names:
            self.database.make_database(name, name, PASSWORD)

    def empty(self, contender: Contender) -> None:
        """Give a contender an empty database."""
        name = contender.name
        self.database.sql(f'DROP DATABASE "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}" OWNER "{name}"')

    def press(self, contender: Contender, kind: str, seconds: float, threads: int, rate: float = 0) -> dict[str, Any]:
        """Send requests; none may fail."""
        text = BENCH.joinpath("client", "pressure.py").read_text(encoding="utf-8")
        arguments = [contender.uri, kind, str(seconds), str(threads), *([str(rate)] if rate else [])]
        output = self.client.execute("python", "-c", text, *arguments)
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        assert not found["failures"], f"{contender.words()}\n{contender.name}: {found['failures'][:5]}"
        return found


# --- Sections ----------------------------------------------------------------------------------------------


def starts(room: Room, rounds: int) -> list[Measured]:
    """Measure the time until a contender is ready, on an empty and on a migrated database, and with one more pod."""
    with alone():  # files that nobody has read yet are no contender's fault
        room.contenders[0].install()
        room.contenders[0].remove()
    found: list[Measured] = []
    for _ in range(rounds):
        one: Measured = {}
        for contender in room.contenders:
            room.empty(contender)
            with alone():
                seconds = {"empty": timed(contender.install)}
                contender.remove()
                seconds["migrated"] = timed(contender.install)
                seconds["cpu"] = usage(contender.pods()).cpu
                time.sleep(SECONDS_UNTIL_CALM)
                seconds["another"] = timed(lambda: contender.scale(2))  # noqa: B023 - called here
                if isinstance(contender, Ours):
                    seconds["migration"] = float(contender.pods()[0].execute("python", "-c", MIGRATE))
            contender.remove()
            say(f"{contender.name}: {seconds}")
            one[contender.name] = seconds
        found.append(one)
    return found


def memory(room: Room, rounds: int) -> list[Measured]:
    """Measure one pod at rest, and under fifty requests a second."""
    for contender in room.contenders:
        contender.install()
    time.sleep(SECONDS_AT_REST)
    rest = {contender.name: usage(contender.pods()) for contender in room.contenders}
    for contender in room.contenders:
        room.press(contender, "mixed", 1, 1)  # makes the runs to look for
    found: list[Measured] = []
    for _ in range(rounds):
        one: Measured = {}
        with alone():
            for contender in room.contenders:
                pressed = room.press(contender, "mixed", SECONDS_OF_LOAD, 8, 50)
                name = contender.name
                one[name] = {
                    "rest": rest[name].memory,
                    "processes": rest[name].processes,
                    "load": usage(contender.pods()).memory,
                    "per second": pressed["per second"],
                    "p50": pressed["p50"],
                    "p99": pressed["p99"],
                }
                say(f"{name}: {one[name]}")
        found.append(one)
    for contender in room.contenders:
        contender.remove()
    return found


def throughput(room: Room, rounds: int, known: Sequence[Round]) -> list[Measured]:
    """Measure how much each does with the memory of the own chart's one pod: ours has replicas for it."""
    room_for = median(known, "official", "load"), median(known, "ours", "load")
    assert room_for[0], "the section `memory` comes first"
    assert room_for[1]
    replicas = {contender.name: 1 for contender in room.contenders} | {"ours": int(room_for[0] / room_for[1])}
    for contender in room.contenders:
        contender.install(replicas[contender.name])
        room.press(contender, "mixed", 1, THREADS)
    found: list[Measured] = []
    for _ in range(rounds):
        one: Measured = {contender.name: {"replicas": replicas[contender.name]} for contender in room.contenders}
        with alone():
            for kind in ("log-batch", "search"):
                for contender in room.contenders:
                    one[contender.name] |= _done(room, contender, kind)
        say(str(one))
        found.append(one)
    for contender in room.contenders:
        contender.remove()
    return found


def _done(room: Room, contender: Contender, kind: str) -> dict[str, float]:
    before = usage(contender.pods())
    pressed = room.press(contender, kind, SECONDS_OF_THROUGHPUT, THREADS)
    after = usage(contender.pods())
    return {
        f"{kind} per second": pressed["per second"],
        f"{kind} p99": pressed["p99"],
        f"{kind} cpu": (after.cpu - before.cpu) / pressed["sent"] * 1000,
        "memory": after.memory,
    }


def artifacts(room: Room, rounds: int) -> list[Measured]:
    """Measure an artifact of 1 GiB up and down, through the server, and for ours past it."""
    presigned = ours(artifact_access=Presigned())
    found: list[Measured] = []
    for _ in range(rounds):
        one: Measured = {}
        past = _moved(room, presigned)
        say(f"presigned: {past}")
        for contender in room.contenders:
            one[contender.name] = _moved(room, contender)
            say(f"{contender.name}: {one[contender.name]}")
        one["ours"] |= {f"presigned {name}": value for name, value in past.items()}
        found.append(one)
    return found


def _moved(room: Room, contender: Contender) -> dict[str, float]:
    contender.install()
    time.sleep(SECONDS_AT_REST)  # jobs are still being started when a chart's pod is ready
    run_in(room.client, "large_artifact", contender.uri, "1")  # what a first artifact loads is not the file's
    [server] = contender.pods()
    before = _restarts(server)
    end = "/tmp/end-of-the-watch"  # noqa: S108 - in the pod
    watch = server.start("python", "-c", program("anonymous_memory"), end)
    assert watch.stdout is not None
    assert watch.stdout.readline() == "watching\n"
    with alone():
        moved = run_in(room.client, "large_artifact", contender.uri, str(MEGABYTES), timeout=500)
    server.execute("touch", end)
    seen = json.loads(watch.communicate(timeout=60)[0].splitlines()[-1])
    assert moved["received"] == moved["sent"], moved
    harmed = contender.pods() != [server] or _restarts(server) > before
    contender.remove()
    return {
        "up": moved["up"],
        "down": moved["down"],
        "growth": seen["highest"] - seen["before"],
        "evictions": int(harmed),
    }


def _restarts(pod: Pod) -> int:
    return sum(state["restartCount"] for state in container_statuses(pod))


def rollouts(room: Room, rounds: int) -> list[Measured]:
    """Replace three pods while requests come in."""
    stop = "/tmp/stop-rollout"  # noqa: S108 - in the pod
    found: list[Measured] = []
    for _ in range(rounds):
        one: Measured = {}
        for contender in room.contenders:
            with alone():
                contender.install(3)
                room.client.execute("rm", "-f", stop)
                load = room.client.start("python", "-c", program("load"), contender.uri, stop, "20")
                time.sleep(5)
                seconds = timed(contender.restart)
                time.sleep(15)  # the last old pods go
                room.client.execute("touch", stop)
                output, errors = load.communicate(timeout=200)
                contender.remove()
            assert load.returncode == 0, errors
            answered = json.loads(output.splitlines()[-1])
            # A name that a busy node's DNS does not tell is not the contender's fault.
            failures = [words for words in answered["failures"] if "NameResolution" not in words]
            one[contender.name] = {
                "seconds": seconds,
                "sent": answered["sent"] - len(answered["failures"]) + len(failures),
                "failed": len(failures),
            }
            say(f"{contender.name}: {one[contender.name]} {failures[:3]} of {len(answered['failures'])}")
        found.append(one)
    return found


# --- The page ----------------------------------------------------------------------------------------------

ROWS = (
    Row("memory of one pod at rest, MiB", "memory", "rest", goal="0.25 of MLflow's own"),
    Row("the same under 50 requests/s, MiB", "memory", "load"),
    Row("of 50 requests/s answered", "memory", "per second", ratios=False),
    Row("p99 of these, ms", "memory", "p99"),
    Row("processes in a pod", "memory", "processes"),
    Row("apply to ready, empty database, s", "starts", "empty", "{:.1f}", goal="1"),
    Row("apply to ready, migrated database, s", "starts", "migrated", "{:.1f}", goal="1"),
    Row("one more replica, s", "starts", "another", "{:.1f}"),
    Row("CPU of the server until ready, s", "starts", "cpu", "{:.1f}"),
    Row("CPU of the migration, nothing to do, s", "starts", "migration", "{:.2f}", ratios=False, goal="2 s"),
    Row("pods for the throughput", "throughput", "replicas", ratios=False),
    Row("their memory together, MiB", "throughput", "memory"),
    Row("log-batch, requests/s", "throughput", "log-batch per second", goal="at least 1"),
    Row("log-batch, p99, ms", "throughput", "log-batch p99"),
    Row("log-batch, CPU per request, ms", "throughput", "log-batch cpu", "{:.1f}"),
    Row("search, requests/s", "throughput", "search per second", goal="at least 1"),
    Row("search, p99, ms", "throughput", "search p99"),
    Row("search, CPU per request, ms", "throughput", "search cpu", "{:.1f}"),
    Row("1 GiB up, s", "artifacts", "up", "{:.1f}"),
    Row("1 GiB down, s", "artifacts", "down", "{:.1f}"),
    Row("growth of memory by both, MiB", "artifacts", "growth", ratios=False, goal="100 MiB"),
    Row("pods evicted or started again by both", "artifacts", "evictions", ratios=False, goal="0"),
    Row("growth with presigned transfers, MiB", "artifacts", "presigned growth", ratios=False, goal="none"),
    Row("rollout of three replicas, s", "rollouts", "seconds", "{:.1f}"),
    Row("requests sent meanwhile", "rollouts", "sent", ratios=False),
    Row("requests failed", "rollouts", "failed", ratios=False, goal="0"),
)
SECTIONS = {"starts": 3, "memory": 3, "throughput": 7, "artifacts": 1, "rollouts": 2}
"""The sections, and in how many rounds each is measured if nothing is said."""


def text(results: Mapping[str, Any]) -> str:
    """Return what the page shows."""
    told = [
        f"{name}: {about['date']}, rounds: {about['rounds']}, load {about['load']:.1f} before it"
        for name, about in results["about"].items()
    ]
    return f"{'; '.join(told)}.\n\n{comparison(results, ROWS, NAMES)}"


def main(arguments: Sequence[str]) -> None:
    """Measure the sections, print the table, and write both files."""
    parser = argparse.ArgumentParser(prog="cluster.py")
    parser.add_argument("sections", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--rounds", type=int, help="how often each is looked at")
    parser.add_argument("--of", action="append", choices=NAMES, help="measure this one; all if left out")
    parser.add_argument("--keep", action="store_true", help="leave the namespace as it is at the end")
    parser.add_argument("--reuse", action="store_true", help="go on in a namespace that was kept")
    asked = parser.parse_args(arguments)
    contenders = (ours(), official(), community())
    room = Room(tuple(item for item in contenders if item.name in (asked.of or NAMES)))
    if not asked.reuse:
        room.make()
    for section in asked.sections:
        rounds = asked.rounds or SECTIONS[section]
        say(f"--- {section}, rounds: {rounds}")
        about = {"date": time.strftime("%Y-%m-%d"), "rounds": rounds, "load": os.getloadavg()[0]}
        found = measured(room, section, rounds, known_results())
        LOCK.give()
        results = known_results()
        results[section] = found
        results["about"][section] = about
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")
        page.write("make bench-cluster", text(results))
    if not asked.keep:
        delete_namespaces([NAMESPACE])
    sys.stdout.write(text(known_results()))


def known_results() -> dict[str, Any]:
    """Return what was measured until now."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"about": {}}
    return found


def measured(room: Room, section: str, rounds: int, results: Mapping[str, Any]) -> list[Measured]:
    """Measure one section."""
    if section == "throughput":
        return throughput(room, rounds, results.get("memory", []))
    return {"starts": starts, "memory": memory, "artifacts": artifacts, "rollouts": rollouts}[section](room, rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
