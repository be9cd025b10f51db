"""The picture of a training: loss and metrics over the epochs."""

from __future__ import annotations

from pathlib import Path

from chainrule.history import History
from chainrule.progress import BOOKKEEPING

TRAINING, VALIDATION = "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermilion


def draw_curves(history: History, title: str, path: Path) -> None:
    """Write a PNG with one panel for the loss and one for each metric."""
    from matplotlib.figure import Figure  # no pyplot: it keeps figures in global state
    from matplotlib.ticker import MaxNLocator

    names = [name for name in history.names() if name not in BOOKKEEPING]
    panels = [name for name in names if not name.startswith("validation_")] or ["loss"]
    figure = Figure(figsize=(4.8 * len(panels), 3.6), layout="constrained")
    figure.suptitle(title)
    epochs = history.values("epoch")
    style = "o-" if len(epochs) <= 30 else "-"
    places = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, name in zip(places, panels, strict=True):
        axes.plot(epochs, history.values(name), style, color=TRAINING, label="training", ms=3)
        if f"validation_{name}" in names:
            values = history.values(f"validation_{name}")
            axes.plot(epochs, values, style, color=VALIDATION, label="validation", ms=3)
        axes.set(xlabel="epoch", ylabel=name.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
