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


def points(series: dict[str, Any], scale: float) -> tuple[list[datetime], list[float]]:
    """Return times and values; a share of nothing is none."""
    numbers = [(float(moment), float(value) / scale) for moment, value in series["values"] if value != "NaN"]
    return [datetime.fromtimestamp(moment, timezone.utc) for moment, _ in numbers], [value for _, value in numbers]


def draw_panel(axis: Any, panel: dict[str, Any], span: tuple[datetime, datetime]) -> None:
    """Draw one panel, all of them over the same time."""
    scale, unit = UNITS.get(panel["unit"], (1, panel["unit"]))
    for series in panel["series"]:
        axis.plot(*points(series, scale), label=legend(series), linewidth=1.6)
    axis.set_title(panel["title"], fontsize=11, loc="left", fontweight="bold")
    axis.set_ylabel("" if unit in {"none", "short"} else unit, fontsize=8)
    axis.set_xlim(*span)
    axis.set_ylim(bottom=0, top=max(axis.get_ylim()[1] * 1.25, 0.01))
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=4, maxticks=8))
    axis.xaxis.set_major_formatter(mdates.DateFormatter("%H:%M"))
    if panel["series"]:
        short = all(len(legend(series)) < 20 for series in panel["series"])
        axis.legend(fontsize=7, loc="upper left", ncols=2 if short else 1, frameon=False)
    else:
        axis.text(0.5, 0.5, "no data from this cluster", transform=axis.transAxes, ha="center", color="grey")


def draw(panels: list[dict[str, Any]]) -> bytes:
    """Return the picture."""
    rows = -(-len(panels) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(5 * COLUMNS, 2.7 * rows), squeeze=False)
    times = [time for panel in panels for series in panel["series"] for time in points(series, 1)[0]]
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, panel in zip(axes.flat, panels):  # noqa: B905 - there are more axes
        draw_panel(axis, panel, (min(times), max(times)))
    figure.tight_layout()
    written = io.BytesIO()
    figure.savefig(written, dpi=80)
    return written.getvalue()


if __name__ == "__main__":
    print(base64.b64encode(draw(json.load(sys.stdin))).decode())  # noqa: T201 - the answer
