"""The page of what slow tests have measured says that, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import reliability
from e2e.results import RESULTS, record


def test_what_tests_record_is_on_the_page(tmp_path: Path) -> None:
    """The last of each name, and what was not run as not run."""
    record("faults", "node | lost", {"lost": "nothing", "unavailable": 123.456}, tmp_path)
    record("faults", "disk full", {"lost": "x", "unavailable": 4}, tmp_path)
    record("faults", "disk full", {"lost": "nothing", "unavailable": 5, "healed": "by\nitself"}, tmp_path)
    text = reliability.page(tmp_path)
    assert (
        "| fault | lost | unavailable | healed |\n| --- | --- | --- | --- |\n"
        "| node \\| lost | nothing | 123 |  |\n| disk full | nothing | 5 | by itself |\n"
    ) in text
    assert "Rows: 2; 20" in text
    assert "## Input\n\nNot run.\n" in text
    assert text.count("Not run.") == len(reliability.TABLES) - 1


def test_several_processes_record_at_once(tmp_path: Path) -> None:
    """Each line is a whole one."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record("inputs", f"{number}", {"text": "x" * 3000}, tmp_path), range(200)))
    assert {row.name for row in reliability.recorded("inputs", tmp_path)} == {str(number) for number in range(200)}


def test_the_page_reads_where_the_tests_record() -> None:
    """The two programs do not import each other."""
    assert reliability.RESULTS == RESULTS


def test_the_judges_table_stands_beside(tmp_path: Path) -> None:
    """Of ours and of the charts."""
    text = reliability.page(tmp_path)
    assert "| | checkov: failed | kube-score: critical | kube-score: warning |" in text
    assert "| cdk8s-mlflow, production |" in text
    assert text.rstrip().splitlines()[-1].startswith("| Bitnami ")
