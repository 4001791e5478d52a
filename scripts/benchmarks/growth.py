"""The plot of growth: what the daemon weighs by the number of its mailboxes, beside the aim of 8 kB for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

AIM_KB = 8.0


def draw(points: Sequence[tuple[int, float]], to: Path) -> None:
    """Write an SVG of (mailboxes, MB of RSS); equal points make equal files."""
    sizes, weights = [size for size, _ in points], [weight for _, weight in points]
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    axes.plot(sizes, weights, "o-", label="the daemon at rest, all mailboxes streamed")
    aim = [weights[0] + AIM_KB * (size - sizes[0]) / 1e3 for size in sizes]
    axes.plot(sizes, aim, "--", color="grey", label=f"{AIM_KB:.0f} kB for each added mailbox")
    axes.set(xlabel="mailboxes", ylabel="resident memory, MB", xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none"}):
        canvas = FigureCanvasSVG(figure)
        canvas.print_svg(to, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
