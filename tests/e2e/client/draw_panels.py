"""Draw what a dashboard's panels show: JSON on standard input, a PNG in base64 on standard output."""

import base64
import io
import json
import sys
from datetime import datetime, timezone
from typing import Any

import matplotlib.dates as mdates  # type: ignore[import-not-found, unused-ignore]
import matplotlib.pyplot as plt  # type: ignore[import-not-found, unused-ignore]

COLUMNS = 3
UNITS = {"bytes": (2**20, "MiB"), "Bps": (2**10, "KiB/s"), "percentunit": (0.01, "%"), "reqps": (1, "1/s")}


def legend(series: dict[str, Any]) -> str:
    """Return the legend as Grafana writes it: ``{{pod}}`` stands for the label."""
    text: str = series["legend"]
    for name, value in series["metric"].items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def draw(panels: list[dict[str, Any]]) -> bytes:
    """Return the picture."""
    rows = -(-len(panels) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(5 * COLUMNS, 2.6 * rows), squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes.flat, panels):  # noqa: B905 - there are more axes
        scale, unit = UNITS.get(panel["unit"], (1, panel["unit"]))
        for series in panel["series"]:
            points = [(float(moment), float(value) / scale) for moment, value in series["values"]]
            times = [datetime.fromtimestamp(moment, timezone.utc) for moment, _ in points]
            axis.plot(times, [value for _, value in points], label=legend(series), linewidth=1.2)
        axis.set_title(panel["title"], fontsize=10, loc="left")
        axis.set_ylabel(unit if unit != "none" else "", fontsize=8)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=7)
        axis.xaxis.set_major_locator(mdates.AutoDateLocator(maxticks=5))
        axis.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
        if panel["series"]:
            axis.legend(fontsize=6, loc="upper left")
    figure.tight_layout()
    written = io.BytesIO()
    figure.savefig(written, dpi=80)
    return written.getvalue()


if __name__ == "__main__":
    print(base64.b64encode(draw(json.load(sys.stdin))).decode())  # noqa: T201 - the answer
