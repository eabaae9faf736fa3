"""The command ``cdk8s-mlflow``. Nothing here loads cdk8s or starts Node."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk8s_mlflow._version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (OSError, ValueError) as error:
        print(f"cdk8s-mlflow {options.command}: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cdk8s-mlflow",
        description="MLflow tracking servers on Kubernetes, as code.",
        epilog="Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"cdk8s-mlflow {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_new(commands)
    _add_from_helm(commands)
    _add_explain(commands)
    _add_schema(commands)
    return parser


# --- new ---------------------------------------------------------------------------------------------------


def _add_new(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "new",
        help="write a small project of your own",
        description="Write a project that synthesizes and tests an MLflow server: main.py, cdk8s.yaml, "
        "requirements.txt, a test with golden files, a workflow for GitHub, .gitignore.",
    )
    command.add_argument("directory", metavar="DIRECTORY", type=Path, help="a new or an empty directory")
    command.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> int:
    from cdk8s_mlflow.project import write_project  # noqa: PLC0415

    write_project(options.directory)
    print(
        f"{options.directory} is ready:\n\n"
        f"  cd {options.directory}\n"
        "  python3 -m venv .venv && .venv/bin/pip install -r requirements.txt\n"
        "  .venv/bin/python main.py       # writes dist/, as cdk8s synth does\n"
        "  .venv/bin/python -m pytest"
    )
    return 0


# --- from-helm ---------------------------------------------------------------------------------------------


def _add_from_helm(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "from-helm",
        help="print a main.py that does what a Helm chart did",
        description="Print a main.py that does what a Helm chart did with these values; say on standard error what "
        "became of each of them.",
    )
    command.add_argument("values", metavar="VALUES.YAML", type=Path, help="the values file of the release")
    command.add_argument("--chart", required=True, choices=("larribas", "community", "official", "bitnami"))
    command.add_argument("--release", metavar="NAME", help="take this running release over, instead of a new server")
    command.add_argument("--namespace", metavar="NS", default="mlflow", help="where it is applied (default: mlflow)")
    command.add_argument("--report", metavar="FILE", type=Path, help="write the report as JSON, too")
    command.add_argument(
        "--inline-secrets",
        action="store_true",
        help="write secrets of the values into the program, for all to read who read it",
    )
    command.set_defaults(run=_from_helm)


def _from_helm(options: argparse.Namespace) -> int:
    from cdk8s_mlflow.from_helm import convert_values  # noqa: PLC0415 - each command loads only what it needs
    from cdk8s_mlflow.from_helm.program import program, report, report_data  # noqa: PLC0415
    from cdk8s_mlflow.yaml_text import mapping  # noqa: PLC0415

    given = mapping(options.values.read_text(encoding="utf-8"), str(options.values))
    converted = convert_values(
        options.chart,
        given,
        release=options.release,
        namespace=options.namespace,
        inline_secrets=options.inline_secrets,
    )
    if options.report is not None:
        options.report.write_text(f"{json.dumps(report_data(converted), indent=2)}\n", encoding="utf-8")
    print(program(converted), end="")
    print(report(converted, shutil.get_terminal_size((120, 40)).columns), file=sys.stderr, end="")
    return 1 if converted.failures else 0


# --- explain -----------------------------------------------------------------------------------------------


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "explain",
        help="say what synthesized files amount to, or how two synths differ",
        description="Say what the files of a synth amount to: objects, replicas, requests, public URL, and the Secrets "
        "that must exist first. With a second folder or file say what would change.",
    )
    command.add_argument("dist", metavar="DIST", type=Path, help="a folder with *.yaml files, or one file")
    command.add_argument("other", metavar="OTHER", type=Path, nargs="?", help="what would be applied over it")
    command.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    from cdk8s_mlflow import summary  # noqa: PLC0415

    old = _synth(options.dist)
    if options.other is None:
        print(summary.table(old, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")), end="")
        return 0
    new = _synth(options.other)
    alone = len(old) == len(new) == 1
    pairs = zip(old, new, strict=True) if alone else ((name, name) for name in dict.fromkeys([*old, *new]))
    for before, after in pairs:
        lines = list(summary.differences(old.get(before, []), new.get(after, [])))
        print("".join(f"{after}: {line}\n" for line in lines) or f"{after}: nothing changes\n", end="")
    return 0


def _synth(path: Path) -> dict[str, list[Any]]:
    """Return the objects of each file by the environment's name."""
    from cdk8s_mlflow.yaml_text import UnreadableYaml, documents  # noqa: PLC0415

    files = sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml"}) if path.is_dir() else [path]
    if not files:
        raise UnreadableYaml(f"{path}: holds no *.yaml file; synthesize first")
    found = {}
    for file in files:
        items = documents(file.read_text(encoding="utf-8"), str(file))
        if not all(isinstance(item, dict) and "kind" in item and "metadata" in item for item in items):
            raise UnreadableYaml(f"{file}: holds what is no Kubernetes object; name a file of a synth")
        found[file.name.removesuffix(file.suffix).removesuffix(".k8s")] = items
    return found


# --- schema ------------------------------------------------------------------------------------------------


def _add_schema(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "schema",
        help="print the JSON Schema of values files",
        description="Print the JSON Schema of values files, by which editors complete and check them.",
    )
    command.set_defaults(run=_schema)


def _schema(options: argparse.Namespace) -> int:
    del options
    from cdk8s_mlflow.values_files import json_schema  # noqa: PLC0415

    print(json.dumps(json_schema(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
