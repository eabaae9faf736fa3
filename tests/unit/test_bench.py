"""The benchmarks' own arithmetic: what becomes of the numbers that they measure, and where it is written."""

from __future__ import annotations

import json
from pathlib import Path

import cluster
import contenders
import page
import pytest
import usage
from rounds import Row, comparison, median, ratio, spread

ROUNDS = [
    {"ours": {"seconds": 10.0}, "theirs": {"seconds": 20.0}},
    {"ours": {"seconds": 30.0}, "theirs": {"seconds": 40.0}},  # the machine was slower
    {"ours": {"seconds": 11.0}, "theirs": {"seconds": 22.0, "failed": 0.0}},
]
FIRST_VERSION = """\
==> /sys/fs/cgroup/memory/memory.stat <==
rss 100
total_cache 999
total_rss 3145728
total_rss_huge 5

==> /sys/fs/cgroup/memory/cgroup.procs <==
1
40
77

==> /sys/fs/cgroup/cpuacct/cpuacct.usage <==
2500000000
"""
SECOND_VERSION = """\
==> /sys/fs/cgroup/memory.stat <==
anon 3145728
file 999
anon_thp 5

==> /sys/fs/cgroup/cpu.stat <==
usage_usec 2500000
user_usec 1

==> /sys/fs/cgroup/cgroup.procs <==
1
40
77
"""


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    """Not the ratio of medians: each round compares what ran under the same conditions."""
    assert ratio(ROUNDS, "ours", "theirs", "seconds") == 0.5
    assert spread(ROUNDS, "ours", "theirs", "seconds") == (0.5, 0.75)
    assert median(ROUNDS, "ours", "seconds") == 11


def test_what_was_not_measured_for_both_has_no_ratio() -> None:
    """Nor has what is nothing at all: no number is made up."""
    assert ratio(ROUNDS, "ours", "theirs", "failed") is None
    assert ratio([{"ours": {"failed": 1}, "theirs": {"failed": 0}}], "ours", "theirs", "failed") is None
    assert spread(ROUNDS[:1], "ours", "theirs", "seconds") is None
    assert median(ROUNDS, "ours", "failed") is None


def test_rounds_that_agree_are_shown_as_one_number() -> None:
    """The least and the greatest ratio stand there only where they differ in what is shown."""
    rounds = [{"ours": {"mib": 1000.0 + number}, "theirs": {"mib": 4000.0}} for number in range(3)]
    text = comparison({"memory": rounds}, [Row("MiB", "memory", "mib")], {"ours": "we", "theirs": "they"})
    assert text.splitlines()[-1] == "| MiB | 1001 | 4000 | 0.25 |  |"


def test_the_table_shows_what_there_is() -> None:
    """A section that was not measured has no rows, a measure that only one has leaves cells empty."""
    rows = [
        Row("ready, s", "starts", "seconds", "{:.1f}", goal="1"),
        Row("failed", "starts", "failed", ratios=False),
        Row("up, s", "artifacts", "up"),
    ]
    assert comparison({"starts": ROUNDS}, rows, {"ours": "we", "theirs": "they"}) == (
        "|  | we | they | ours / they | at most |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ready, s | 11.0 | 22.0 | 0.50 (0.50 to 0.75) | 1 |\n"
        "| failed |  | 0 |  |  |\n"
    )


@pytest.mark.parametrize("text", [FIRST_VERSION, SECOND_VERSION], ids=["first version", "second version"])
def test_reads_both_versions_of_cgroups(text: str) -> None:
    """Anonymous memory with that of the groups below, and every process but the one that reads."""
    assert usage.parsed(text) == usage.Usage(memory=3, cpu=2.5, processes=2)


def test_each_benchmark_writes_between_its_own_marks() -> None:
    """What the other has written stays."""
    text = page.PAGE.read_text(encoding="utf-8")
    written = page.between_marks(page.between_marks(text, "make bench", "one"), "make bench-cluster", "two")
    assert "<!-- written by make bench -->\n\none\n<!-- written by make bench -->\n" in written
    assert "<!-- written by make bench-cluster -->\n\ntwo\n<!-- written by make bench-cluster -->\n" in written
    with pytest.raises(ValueError, match="1 lines"):
        page.between_marks("<!-- written by make bench -->\n", "make bench", "lost")


def test_every_row_is_of_a_section_that_is_measured() -> None:
    """And the whole of what a run writes can be shown, one section after the other."""
    assert {row.section for row in cluster.ROWS} == set(cluster.SECTIONS)
    one = {name: {row.measure: 2.0 for row in cluster.ROWS} for name in cluster.NAMES}
    about = {"date": "2026-11-28", "rounds": 1, "load": 0.5}
    for count in range(1, len(cluster.SECTIONS) + 1):
        known = list(cluster.SECTIONS)[:count]
        results = {"about": dict.fromkeys(known, about), **{key: [one] for key in known}}
        text = cluster.text(json.loads(json.dumps(results)))
        assert text.count("| 1.00 |") > 0
        assert text.count("\n| ") == 2 + sum(row.section in known for row in cluster.ROWS)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="not Linux")
def test_memory_is_counted_for_the_session_alone() -> None:
    """A process of another session does not count, one of this does, with its share of what others have."""
    import bench  # noqa: PLC0415 - its name is that of the folder

    me = Path("/proc/self")
    session = int(me.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[3])
    assert bench._share(me, session) > 5
    assert bench._share(me, session + 1) == 0
    assert bench._share(Path("/proc/0"), session) == 0


def test_production_is_measured_on_the_stores_of_the_benchmark() -> None:
    """As main.py has it, with the share of the CPU that all contenders ask for, and without a login."""
    found = contenders.ours().manifests(2, "24m")
    assert {manifest["metadata"]["namespace"] for manifest in found} == {contenders.NAMESPACE}
    [deployment] = [manifest for manifest in found if manifest["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [server] = pod["containers"]
    assert deployment["spec"]["replicas"] == 2
    assert {item["resources"]["requests"]["cpu"] for item in (*pod["initContainers"], server)} == {"24m"}
    assert "--app-name" not in server["args"]
    env = {item["name"]: item.get("value") for item in server["env"]}
    assert env["PGHOST"] == "postgresql"
    assert env["MLFLOW_S3_ENDPOINT_URL"] == contenders.ENDPOINT
    assert env["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://ours"
