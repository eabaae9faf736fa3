"""Write docs/errors.md: every message with which the package refuses something, read out of its source.

A message of ours says what is wrong and, after a semicolon, what to do. What stands between is found by those two
habits, so a new message is on the page without anybody writing it there; a test holds page and code together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "constructs" / "cdk8s_mlflow"
PAGE = ROOT / "docs" / "errors.md"
VALUE = "…"
"""Stands for what differs from message to message."""

GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "A value by itself",
        "Each field's type and rule are in its docstring.",
        ("values.py", "value_checks.py", "peers.py", "volumes.py", "schedules.py"),
    ),
    (
        "Parts that contradict each other",
        "Found when all values are right by themselves: two parts of the props cannot both be had.",
        ("checks.py", "plan.py", "pods.py", "manifests.py", "release.py"),
    ),
    (
        "The program and its environments",
        "See [the command line](command-line.md) and [values files](values-files.md).",
        (
            "environments.py",
            "mlflow.py",
            "node.py",
            "values_files.py",
            "yaml_text.py",
            "command_line.py",
            "project.py",
            "source.py",
        ),
    ),
    (
        "Stores, and what their migrations log",
        "See the page of each [store](stores/postgresql.md) and [migrations](migrations.md).",
        ("backend_store/", "artifact_store/", "redis.py", "connections.py", "sidecars.py"),
    ),
    ("Logins", "See [logins](login/README.md).", ("authentication/", "ai_gateway.py")),
    (
        "Doors",
        "See [doors](doors.md) and [hosts, origins and network policies](network.md).",
        ("exposure/", "server_tls.py", "http_proxy.py", "network.py", "doors.py"),
    ),
    ("Scaling", "See [scaling](scaling.md).", ("scaling/",)),
    (
        "Operations",
        "See [background jobs](jobs.md), [backup](backup.md) and [monitoring](monitoring.md).",
        ("operations.py", "observability.py", "job_queue.py", "jobs.py", "logs.py"),
    ),
    (
        "Coming from a Helm chart",
        "See [Coming from a Helm chart](from-helm.md).",
        ("adoption.py", "from_helm/"),
    ),
    (
        "In the log of a pod",
        "The last line of its log; see [migrations](migrations.md), [backup](backup.md), [runbooks](runbooks.md).",
        ("scripts/",),
    ),
)
"""Title, what to read, and the modules whose messages stand there."""

NO_MESSAGES = ("from_helm/", "notices.py", "alerts.py", "dashboard.py", "props.py", "scripts/")
"""Modules with semicolons that refuse nothing: a report, a notice, an alert. A message with ``got`` is one anyway."""

GENERAL = {
    f"{VALUE}: must {VALUE} {VALUE}",
    f"{VALUE}: must be {VALUE} {VALUE}",
    f"{VALUE}: {VALUE} (got {VALUE})",
    VALUE,
}
"""What each rule, each type and each call of ``fail`` fills in: those stand on the page by themselves."""

SHOWN = re.compile(r"\((?:got|its|they|their|something)\b(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")

CURES = {
    "there is no database at …": "compare SQLite.file and the volume; a server that never ran has none",
    "… has no …, but …: it is of a server with other databases": (
        "name another copy, or give the release the stores that the copied one had"
    ),
    "the … is still empty": "the copy held nothing for it: choose another one",
    "the database does not answer: …": "see that it runs, and compare host, port, user and password",
    "the API server refuses to create Secret … (…): …": (
        "what the API server says is at the end; where Roles are not allowed, name the keys by ExistingSecret"
    ),
    "the server is still at work for an upgrade that was cut off, after … s": "nothing: the next start waits again",
    "its tables are others now; was a backup restored? Then drop table … and start again": (
        "if none was, restore the backup from before the upgrade"
    ),
    "the revision after … changes data, then the schema, then again": "restore the backup from before the upgrade",
    "the revision after … goes another way than before": "restore the backup from before the upgrade",
    "launch: gave up on …": "the lines above say why: compare discovery_url and the network policy's egress",
    "launch: the provider refuses a token (…): …": "compare ClientCredentials with the provider's client",
    "…: gave up after … s (…)": "the brackets hold the last reason: see that the database runs",
    (
        "… is at revision …, which this image's MLflow does not know: a newer MLflow has migrated it, and there is no "
        "way back. Deploy that newer image again, or restore the backup from before"
    ): "raise Image.tag",
    "… is at revision … after the upgrade, not at …": "another image migrates it, too: stop that one",
    "the installed MLflow has … newest revisions in …; is the image complete?": "compare Image.repository",
    "…: …: …; has the image this driver (Image.tag)?": "use the image whose tag ends in -full",
    "the server answered …, not …": "read the server's log",
    "failed to …: …": "it names the step: read the server's log",
    "the search below … ended with …": "compare LdapAuth.search with the directory",
    "the server does not start TLS": "write an ldaps:// URL, or let the directory offer StartTLS",
}
"""What to do about a pod's message that does not say it itself."""


@attrs.frozen(order=True)
class Message:
    """What is said, and what to do about it."""

    module: str
    says: str
    cure: str

    def fits(self, message: str) -> bool:
        """Whether this is the message that somebody got."""
        pattern = ".*".join(re.escape(part) for part in f"{self.says}; {self.cure}".split(VALUE))
        return re.search(pattern, message, re.DOTALL) is not None


def messages() -> list[Message]:
    """Return every message of the package, each once, in the order of the source."""
    found: list[Message] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        module = file.relative_to(PACKAGE).as_posix()
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if module.startswith("scripts/"):
            found += [_with_cure(module, text) for text in dict.fromkeys(_raised(tree)) if re.search(r"\w", text)]
        else:
            found += [message for text in _texts(tree) for message in _of_text(module, text)]
            found += [*_of_rules(module, tree), *_of_calls(module, tree)]
    return list(dict.fromkeys(found))


def _of_text(module: str, text: str) -> Iterator[Message]:
    """Yield the message that a text is, if it is one."""
    shown = SHOWN.search(text)
    end = shown.end() if shown else 0
    says, _, cure = text[end:].partition("; ")
    message = Message(module, text[:end] + says, cure)
    other = not shown and (module.startswith(NO_MESSAGES) or "\n" in text or text.endswith("."))
    if cure and not other and message.says not in GENERAL and not text.startswith("DECLARE"):
        yield message


def _with_cure(module: str, text: str) -> Message:
    if text in CURES:
        return Message(module, text, CURES[text])
    says, _, cure = text.partition("; ")
    return Message(module, says, cure)


def _raised(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a program that ends with them."""
    for node in ast.walk(tree):
        text = None
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = text_of(node.value) if node.targets[0].id in {"message", "reason"} else None
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            text = text_of(node.exc.args[0])
        if text is not None:
            yield text


def _of_calls(module: str, tree: ast.AST) -> Iterator[Message]:
    """Yield what ``values.fail(path, must, got, instead)`` says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fail":
            _, must, _, instead = (text_of(argument) or VALUE for argument in node.args)
            yield Message(module, f"{VALUE}: {must} (got {VALUE})", instead)


def _of_rules(module: str, tree: ast.AST) -> Iterator[Message]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rule":
            parts = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            must, instead = (text_of(part) or VALUE for part in parts[-2:])
            yield Message(module, f"{VALUE}: must {must} ({VALUE})", instead)


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield the texts of a module that are no docstrings, each whole."""
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rule":
            inner.update(ast.walk(node))
        if node in inner:
            continue
        text = text_of(node)
        if text is not None:
            inner.update(ast.walk(node))
            yield text


def text_of(node: ast.AST) -> str | None:
    """Return a text as it is written, with a mark for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or VALUE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left), text_of(node.right)
        return None if left is None and right is None else f"{left or VALUE}{right or VALUE}"
    return None


def group(message: Message) -> str:
    """Return the title below which a message stands."""
    return next(title for title, _, modules in GROUPS if message.module.startswith(modules))


def page() -> str:
    """Return the page."""
    every = [attrs.evolve(item, module=group(item)) for item in messages()]
    lines = [HEAD]
    for title, read, modules in GROUPS:
        lines += [f"\n## {title}\n\n{read}\n\n| it says | do |\n|---|---|\n"]
        if "value_checks.py" in modules:
            lines.append(
                f"| `{VALUE}: must be {VALUE} (got {VALUE})`, with the name of a type | what it says after that |\n"
            )
        own = dict.fromkeys(item for item in every if item.module == title)
        lines += [f"| {_code(item.says)} | {_code(item.cure)} |\n" for item in own]
    return "".join(lines)


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|')}{pad}{fence}"


HEAD = f"""\
# Every error, and what to do

Written by `make docs` from the source: do not edit. `{VALUE}` stands for what differs. A message says which prop, what
is wrong, what was found (`got`), and after the semicolon what to write instead; never the value of a secret.

`InvalidProps` holds all messages of a program (`error.failures`); `synthesize` prints them and ends with status 1, and
no file is written. Search this page for the words after the prop's name.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
