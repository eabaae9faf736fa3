"""Known vulnerabilities in what we install: pip-audit and npm audit, where their services can be reached.

Prints what each says. Fails on a vulnerability; not where a service is out of reach, since a build without internet
would never pass, but then it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ("requirements.txt", "tests/requirements.txt")


def pip_audit() -> tuple[int, str]:
    """Return how many vulnerabilities the pinned packages have, and a sentence."""
    # Our own package is not published, and pins of tests and app make one environment.
    lines = [line for name in REQUIREMENTS for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    pins = "\n".join(line for line in lines if "==" in line and not line.startswith(("#", "-")))
    pinned = ROOT / ".venv" / "audited.txt"
    pinned.write_text(pins, encoding="utf-8")
    options = ["--requirement", pinned, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    done = _run([ROOT / ".venv" / "judges" / "bin" / "pip-audit", *options])
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return 0, f"NOT ASKED, its service is out of reach: {_last_line(done.stderr)}"
    known = [item for item in dependencies if "vulns" in item]
    if not known:
        return 0, f"NOT ASKED, its service knows none of {len(dependencies)} packages: the registry here is a mirror"
    found = [f"{item['name']} {item['version']}: {vuln['id']}" for item in known for vuln in item["vulns"]]
    return len(found), f"{len(known)} of {len(dependencies)} packages looked up, {len(found)} vulnerabilities {found}"


def npm_audit() -> tuple[int, str]:
    """Return how many vulnerabilities the locked packages have, and a sentence."""
    done = _run(["npm", "audit", "--audit=true", "--package-lock-only", "--json"])
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    if "metadata" not in report:
        said = report.get("message") or _last_line(done.stderr)
        return 0, f"NOT ASKED, its service is out of reach: {said}"
    counts = report["metadata"]["vulnerabilities"]
    return counts["total"], f"{report['metadata']['dependencies']['total']} packages looked up, {counts}"


def install_scripts() -> tuple[int, str]:
    """Return how many locked packages want to run a program when they are installed; none is allowed to."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanting = sorted(name for name, item in packages.items() if item.get("hasInstallScript"))
    unhashed = sorted(name for name, item in packages.items() if name and not {"integrity", "inBundle"} & set(item))
    allowed = "ignore-scripts=true" not in (ROOT / ".npmrc").read_text(encoding="utf-8").splitlines()
    wrong = [*unhashed, *(wanting if allowed else [])]
    return len(wrong), f"{len(packages) - 1} packages; without hash: {unhashed}; scripts that are not run: {wanting}"


def _run(command: list[object]) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def main() -> int:
    """Print what each audit says; return 1 if one found something."""
    found = 0
    for name, audit in {"pip-audit": pip_audit, "npm audit": npm_audit, "npm lock file": install_scripts}.items():
        count, sentence = audit()
        found += count
        print(f"{name}: {sentence}")  # noqa: T201 - a command
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
