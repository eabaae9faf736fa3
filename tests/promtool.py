"""Prometheus' own judge of rules."""

from __future__ import annotations

from go_programs import GoProgram

# Prometheus 3.12, as the test cluster's add-on has it, without the libraries of clouds in which it looks for targets.
_PROGRAM = GoProgram("promtool", "github.com/prometheus/prometheus@v0.312.0", "./cmd/promtool", tags="remove_all_sd")

find = _PROGRAM.find
compiled = _PROGRAM.compiled

if __name__ == "__main__":
    print(compiled())  # noqa: T201 - .ci/run shows it
