"""``make bench``: measure the synth beside what users would take instead; write a table, and JSON.

Every figure is of whole processes, children included, as the operating system counts them. What is compared runs in
turn (A B A B ...), and the ratio is the median of the pairs' ratios, so that a machine whose speed drifts compares
them all the same. Where ``helm`` and the charts are not at hand (``HELM``, ``PEERS``), their rows are left out.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
from page import ROOT, table, write

from cdk8s_mlflow.node import wheel_node

BENCH = Path(__file__).parent
PEERS = Path(os.environ.get("PEERS", ROOT / ".." / "shared" / "peers"))
HELM = os.environ.get("HELM") or shutil.which("helm")
RUNS = int(os.environ.get("BENCH_RUNS", "5"))
GROWTH = (1, 10, 50, 101, 200, 400, 500)
FIRST_AND_LAST = (1, 101, 400, 500)
"""Between the first two of these numbers is the first hundred, between the others the last."""
RESULTS = ROOT / "build" / "bench.json"

Command = Sequence[str]


@attrs.frozen
class Cost:
    """What one run took."""

    wall: float
    cpu: float
    memory: float
    """Peak of all processes together in MiB, what they share counted once (PSS); 0 if it was not watched."""


def program(name: str, *arguments: object) -> list[str]:
    """Return the command of a program beside this one."""
    return [sys.executable, str(BENCH / f"{name}.py"), *(str(item) for item in arguments)]


def cdk8s_synth() -> list[str]:
    """Return ``cdk8s synth`` as the Makefile runs it."""
    return ["node", "--no-deprecation", str(ROOT / "node_modules" / "cdk8s-cli" / "bin" / "cdk8s"), "synth"]


def templates(chart: str, times: int) -> list[str]:
    """Return a shell that runs ``helm template`` so often, each time with a chart's production values."""
    values = PEERS / "values" / f"{chart}-production.yaml"
    one = f"{HELM} template mlflow {PEERS / chart} --namespace mlflow --values {values} >/dev/null"
    return ["sh", "-ec", f"i=0; while [ $i -lt {times} ]; do {one}; i=$((i+1)); done"]


# --- Runs --------------------------------------------------------------------------------------------------


def environment(folder: str) -> dict[str, str]:
    """Return variables with which every run finds the same: compiled Python, our Node, a folder for its files."""
    node = str(wheel_node() or "node")
    path = f"{Path(sys.executable).parent}:{Path(node).parent}:{os.environ['PATH']}"
    known = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ours = {"PATH": path, "JSII_NODE": node, "CDK8S_OUTDIR": folder, "CDK8S_MLFLOW_QUIET": "1"}
    return known | ours | {"CDK8S_CHECK_UPGRADE": "false"}


def run(command: Command, folder: str, *, watched: bool = False) -> Cost:
    """Run a command once; to watch its memory takes time from it."""
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    peak, ended = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
    if watched:
        watcher.start()
    words = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    if watched:
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}:\n{words.decode()}")
    return Cost(wall=time.monotonic() - started, cpu=usage.ru_utime + usage.ru_stime, memory=peak[0])


def _watch(session: int, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(0.25):
        peak[0] = max(peak[0], sum(_share(folder, session) for folder in Path("/proc").glob("[0-9]*")))


def _share(folder: Path, session: int) -> float:
    """Return a process's own MiB and its share of what several have, if it is of the session."""
    try:
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if int(fields[3]) != session:
            return 0.0
        lines = (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def in_turn(commands: Mapping[str, Command], folder: str, runs: int = RUNS) -> dict[str, list[Cost]]:
    """Run the commands in turn, after one run of each that does not count."""
    for command in commands.values():
        run(command, folder)
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            found[name].append(run(command, folder))
    return found


def median(costs: Sequence[Cost], field: str) -> float:
    """Return the middle of what the runs took."""
    return float(statistics.median(getattr(cost, field) for cost in costs))


def ratio(these: Sequence[Cost], those: Sequence[Cost], field: str) -> float:
    """Return the middle of the pairs' ratios."""
    pairs = zip(these, those, strict=True)
    return float(statistics.median(getattr(this, field) / getattr(that, field) for this, that in pairs))


# --- Sections ----------------------------------------------------------------------------------------------


def floor(folder: str) -> dict[str, Any]:
    """Return our three environments beside cdk8s with three empty charts."""
    found = in_turn({"ours": [sys.executable, "main.py"], "floor": program("floor", 3)}, folder)
    ours, least = found["ours"], found["floor"]
    return {
        "seconds": {name: {field: median(costs, field) for field in ("wall", "cpu")} for name, costs in found.items()},
        "wall_ratio": ratio(ours, least, "wall"),
        "cpu_ratio": ratio(ours, least, "cpu"),
    }


def further(folder: str) -> dict[str, Any]:
    """Return what one more production environment takes, and what its objects alone do, ready made, in cdk8s."""
    names = ("production", "by_hand")
    found = in_turn({f"{name} {number}": program(name, number) for name in names for number in (1, 51)}, folder)
    ours, by_hand = (_further(found[f"{name} 1"], found[f"{name} 51"]) for name in names)
    ratios = (our / other for our, other in zip(ours, by_hand, strict=True))
    return {
        "cpu_ms": statistics.median(ours),
        "by_hand_cpu_ms": statistics.median(by_hand),
        "cpu_ratio": statistics.median(ratios),
    }


def _further(first: Sequence[Cost], last: Sequence[Cost]) -> list[float]:
    return [(many.cpu - one.cpu) / 50 * 1000 for one, many in zip(first, last, strict=True)]


def beside_helm(folder: str) -> dict[str, Any]:
    """Return 50 production environments beside 50 times ``helm template``."""
    charts = [chart for chart in ("larribas", "community", "official") if HELM and (PEERS / chart).is_dir()]
    commands: dict[str, Command] = {"ours": program("production", 50)}
    commands |= {chart: templates(chart, 50) for chart in charts}
    found = in_turn(commands, folder, max(1, RUNS // 2 + 1))
    return {
        "seconds": {name: {field: median(costs, field) for field in ("wall", "cpu")} for name, costs in found.items()},
        "wall_ratio": {chart: ratio(found["ours"], found[chart], "wall") for chart in charts},
        "cpu_ratio": {chart: ratio(found["ours"], found[chart], "cpu") for chart in charts},
    }


def growth(folder: str) -> dict[str, Any]:
    """Return what 1, 10, ... environments take, and the last hundred beside the first; memory is watched apart."""
    commands = {str(number): program("production", number) for number in GROWTH}
    found = in_turn(commands, folder, max(1, RUNS // 2 + 1))
    rows: list[dict[str, float]] = [
        {
            "environments": number,
            "wall": median(found[str(number)], "wall"),
            "cpu": median(found[str(number)], "cpu"),
            "memory": run(commands[str(number)], folder, watched=True).memory,
        }
        for number in GROWTH
    ]
    for before, row in pairwise(rows):
        more = row["environments"] - before["environments"]
        row["cpu_ms_per_further"] = (row["cpu"] - before["cpu"]) / more * 1000
    hundreds = zip(*(found[str(number)] for number in FIRST_AND_LAST), strict=True)
    ratios = [(last.cpu - before.cpu) / (first.cpu - one.cpu) for one, first, before, last in hundreds]
    return {
        "rows": rows,
        "last_hundred": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
    }


def plain(folder: str) -> dict[str, Any]:
    """Return what runs without Node."""
    tool = [sys.executable, "-m", "cdk8s_mlflow.command_line"]
    values = PEERS / "values" / "community-production.yaml"
    commands: dict[str, Command] = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import attrs": [sys.executable, "-c", "import attrs"],
        "import and plan": program("planned"),
        "--help": [*tool, "--help"],
    }
    if values.exists():
        commands["from-helm"] = [*tool, "from-helm", str(values), "--chart", "community"]
    found = in_turn(commands, folder)
    return {name: {field: median(costs, field) for field in ("wall", "cpu")} for name, costs in found.items()}


def command_line(folder: str) -> dict[str, Any]:
    """Return ``cdk8s synth`` beside ``python main.py``."""
    found = in_turn({"python main.py": [sys.executable, "main.py"], "cdk8s synth": cdk8s_synth()}, folder)
    return {name: {field: median(costs, field) for field in ("wall", "cpu")} for name, costs in found.items()}


def crossings() -> dict[str, dict[str, int]]:
    """Return what crosses to Node, for one environment and for two."""
    found = {}
    for number in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                program("crossings", number), env=environment(folder), capture_output=True, text=True, check=True
            )
        found[str(number)] = json.loads(done.stdout)
    return found


# --- Tables ------------------------------------------------------------------------------------------------


def tables(results: Mapping[str, Any]) -> str:
    """Return the results as the page shows them."""
    least, beside = results["floor"], results["beside_helm"]
    rows = [
        ("three environments / cdk8s with three empty charts, wall", f"{least['wall_ratio']:.2f}", "1.25"),
        ("the same, CPU", f"{least['cpu_ratio']:.2f}", "1.15"),
        ("one more production environment, CPU", f"{results['further']['cpu_ms']:.0f} ms", "35 ms"),
        ("its objects ready made, by cdk8s alone, CPU", f"{results['further']['by_hand_cpu_ms']:.0f} ms", ""),
        ("the first of the two / the second", f"{results['further']['cpu_ratio']:.2f}", ""),
        *(
            (f"50 environments / 50 `helm template` of {chart}, wall", f"{value:.2f}", _HELM_GOALS.get(chart, ""))
            for chart, value in beside["wall_ratio"].items()
        ),
        *(
            (f"{name}, wall (CPU)", f"{item['wall'] * 1000:.0f} ms ({item['cpu'] * 1000:.0f})", _PLAIN.get(name, ""))
            for name, item in results["plain"].items()
        ),
        *((name, f"{item['wall']:.2f} s ({item['cpu']:.2f})", "") for name, item in results["command_line"].items()),
        (
            "environments 401 to 500 / environments 2 to 101, CPU",
            "{last_hundred:.2f} ({least:.2f} to {most:.2f})".format(**results["growth"]),
            "1.2",
        ),
    ]
    first = table(("what", "measured", "at most"), rows)
    second = table(
        ("environments", "wall", "CPU", "CPU of each further one", "memory of all processes"),
        [
            (
                f"{row['environments']:.0f}",
                f"{row['wall']:.1f} s",
                f"{row['cpu']:.1f} s",
                f"{row['cpu_ms_per_further']:.0f} ms" if "cpu_ms_per_further" in row else "",
                f"{row['memory']:.0f} MiB",
            )
            for row in results["growth"]["rows"]
        ],
    )
    one, two = results["crossings"]["1"], results["crossings"]["2"]
    third = table(
        ("request", "one environment", "each further one"),
        [(f"`{kind}`", str(count), str(two[kind] - count)) for kind, count in one.items()],
    )
    return "\n".join((f"{results['machine']}\n", first, second, third))


_HELM_GOALS = {"community": "0.8"}
_PLAIN = {"import and plan": "120 ms"}


def main() -> None:
    """Measure, print, and write both files."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "machine": (
                f"Python {platform.python_version()}, {os.cpu_count()} processors, load {load:.1f} at the start, "
                f"medians of {RUNS} runs, {time.strftime('%Y-%m-%d')}."
            ),
            "floor": floor(folder),
            "further": further(folder),
            "plain": plain(folder),
            "command_line": command_line(folder),
            "beside_helm": beside_helm(folder),
            "growth": growth(folder),
            "crossings": crossings(),
        }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(f"{json.dumps(results, indent=2)}\n", encoding="utf-8")
    write("make bench", tables(results))
    sys.stdout.write(tables(results))


if __name__ == "__main__":
    main()
