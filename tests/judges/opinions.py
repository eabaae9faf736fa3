"""What the judges of others find in manifests, in one form, and what is said to it."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import yaml
from go_programs import GoProgram
from judges import strict_schemas

KUBECONFORM = GoProgram("kubeconform-0.8.0", "github.com/yannh/kubeconform@v0.8.0", "./cmd/kubeconform")
KUBE_SCORE = GoProgram("kube-score-1.20.0", "github.com/zegl/kube-score@v1.20.0", "./cmd/kube-score")
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "judges" / "bin"
"""Where checkov and pip-audit are."""
CRITICAL, WARNING = 1, 5

Manifest = dict[str, Any]


@attrs.frozen(order=True)
class Finding:
    """Something that a judge does not like."""

    judge: str
    rule: str
    file: str
    object: str
    """Kind and name."""
    text: str = ""
    critical: bool = True


@attrs.frozen(kw_only=True)
class Excuse:
    """A finding that stays, and why."""

    judge: str
    rule: str
    objects: Sequence[str]
    """Patterns of ``file: Kind/name``."""
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Return whether this is about a finding."""
        named = f"{finding.file}: {finding.object}"
        same = (self.judge, self.rule) == (finding.judge, finding.rule)
        return same and any(fnmatch.fnmatchcase(named, pattern) for pattern in self.objects)


def excuses() -> list[Excuse]:
    """Return the committed excuses."""
    text = (Path(__file__).parent / "excuses.yaml").read_text(encoding="utf-8")
    return [Excuse(**item) for item in yaml.safe_load(text)]


def documents(text: str) -> list[Manifest]:
    """Return the objects of a file."""
    return [item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item]


# --- checkov -----------------------------------------------------------------------------------------------


def checkov(folder: Path) -> Iterator[Finding]:
    """Return what checkov finds in the files of a folder, by all its rules."""
    command = [PYTHON / "checkov", "-d", folder, "--framework", "kubernetes", "--skip-download", "-o", "json"]
    done = _run([*command, "--compact", "--quiet", "--soft-fail"])
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0, report
    assert report["summary"]["passed"] > 0, report
    for found in report["results"]["failed_checks"]:
        owner = found["resource"].split(".")
        yield Finding(
            "checkov",
            found["check_id"],
            Path(found["file_path"]).stem,
            f"{owner[0]}/{owner[-1]}",
            found["check_name"],
        )


# --- kube-score --------------------------------------------------------------------------------------------


def kube_score(files: Iterable[Path]) -> Iterator[Finding]:
    """Return what kube-score calls critical or a warning."""
    # It leaves with 1 when it finds something.
    done = _run([KUBE_SCORE.compiled(), "score", "--output-format", "json", *files], allowed=(0, 1))
    for judged in json.loads(done.stdout):
        for check in judged["checks"]:
            if not check["skipped"] and check["grade"] <= WARNING:
                comments = {item["summary"] for item in check["comments"] or []}
                yield Finding(
                    "kube-score",
                    check["check"]["id"],
                    Path(judged["file_name"]).stem,
                    f"{judged['type_meta']['kind']}/{judged['object_meta']['name']}",
                    "; ".join(sorted(comments)),
                    critical=check["grade"] <= CRITICAL,
                )


# --- kubeconform -------------------------------------------------------------------------------------------


def kubeconform(files: Mapping[str, list[Manifest]], version: str, folder: Path) -> Iterator[Finding]:
    """Return the objects that break their kind's strict schema in a version of Kubernetes, or have none."""
    schemas, manifests = folder / "schemas", folder / "manifests"
    kinds = {(item["apiVersion"], item["kind"]) for objects in files.values() for item in objects}
    custom = {kind for kind in kinds if "." in kind[0] and not kind[0].partition("/")[0].endswith(".k8s.io")}
    custom |= {kind for kind in kinds if kind[0].startswith("gateway.networking.k8s.io/")}
    strict_schemas.write_standard(schemas, version, sorted(kinds - custom))
    strict_schemas.write_custom(schemas, sorted(custom))
    manifests.mkdir(exist_ok=True)
    for name, objects in files.items():
        if objects:
            (manifests / f"{name}.json").write_text(
                json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}), "utf-8"
            )
    places = [f"{schemas}/{pattern}" for pattern in (strict_schemas.STANDARD, strict_schemas.CUSTOM)]
    locations = [argument for place in places for argument in ("-schema-location", place)]
    command = [KUBECONFORM.compiled(), "-strict", "-summary", "-output", "json", "-kubernetes-version", f"{version}.0"]
    done = _run([*command, *locations, manifests], allowed=(0, 1))
    report = json.loads(done.stdout)
    assert report["summary"]["skipped"] == 0, report["summary"]
    assert sum(report["summary"].values()) == sum(map(len, files.values())), report["summary"]
    for found in report["resources"]:
        owner = f"{found['kind']}/{found['name']}"
        yield Finding("kubeconform", version, Path(found["filename"]).stem, owner, found["msg"])


def _run(command: Iterable[object], allowed: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    # checkov would ask its maker's server for more rules, and tell it about the run.
    quiet = {"CHECKOV_RUN_SCA_PACKAGE_SCAN_V2": "false", "BC_API_KEY": ""}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=os.environ | quiet, capture_output=True, text=True, check=False)
    assert done.returncode in allowed, (
        f"{words[0]} left with {done.returncode}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
    )
    return done
