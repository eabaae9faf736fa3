"""What cdk8s itself takes: both its packages, and as many empty charts as the argument says."""

from __future__ import annotations

import sys

import cdk8s
import cdk8s_plus_27  # noqa: F401 - it takes its time

app = cdk8s.App()
for number in range(int(sys.argv[1])):
    cdk8s.Chart(app, f"chart-{number}")
app.synth()
