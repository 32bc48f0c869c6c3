"""Both curves of a calibration: what a band carries, and how much it disturbs."""

import io
from itertools import pairwise
from typing import Any

from laco.distill.calibration.result import Point, Result

_PICKED, _BAND, _OTHER, _TEXT, _PAPER = "#c1121f", "#1d4e89", "#8d99ae", "#2a9d8f", "#e09f3e"


def draw(result: Result) -> bytes:
    """A PNG: content and drift by layer band on the left, content against bytes and against drift on the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    (content, by_bytes), (drift, by_drift) = figure.subplots(2, 2, width_ratios=(3, 2))
    _by_layer(content, result, "content")
    _by_layer(drift, result, "drift")
    _scatter(by_bytes, result, "nbytes", "a message on the air [kB]")
    _scatter(by_drift, result, "drift", result.drift_unit)
    by_bytes.legend(fontsize=8, loc="best")
    measured = result.profile.measured
    if measured is not None:
        figure.suptitle(f"{measured.model}: {measured.pairs} pairs, picked {_name(result.picked)}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _by_layer(axes: Any, result: Result, what: str) -> None:
    """Each band as a bar from its first to its last layer, at the height of what was measured."""
    for point in result.bands:
        for first, last in _runs(point.config.layers or ()):
            color = _PICKED if point.config.layers == result.picked.config.layers else _BAND
            axes.plot([first - 0.4, last + 0.4], [getattr(point, what)] * 2, color=color, linewidth=3)
    axes.axhline(getattr(result.text, what), color=_TEXT, linestyle="--", label="read as text")
    if what == "content":
        axes.axhline(result.floor, color=_OTHER, linestyle=":", label="nothing said")
    axes.set(xlabel="layers of the band (all tokens)", ylabel=getattr(result, f"{what}_unit"))
    axes.legend(fontsize=8, loc="best")
    axes.grid(alpha=0.3)


def _scatter(axes: Any, result: Result, across: str, label: str) -> None:
    """Content of every configuration against its bytes or its drift."""
    groups = (
        ("bands, all tokens", result.bands, _BAND, "o"),
        ("other steps, tokens, codecs", result.others, _OTHER, "s"),
        ("the paper's recipe", (result.paper,), _PAPER, "D"),
        ("picked", (result.picked,), _PICKED, "*"),
    )
    for name, points, color, marker in groups:
        size = 160 if marker == "*" else 30
        scale = 1e-3 if across == "nbytes" else 1.0
        xs, ys = [scale * getattr(p, across) for p in points], [p.content for p in points]
        axes.scatter(xs, ys, s=size, c=color, marker=marker, label=name)
    axes.axhline(result.text.content, color=_TEXT, linestyle="--", label="read as text")
    if across == "drift":
        axes.axvline(result.text.drift, color=_TEXT, linestyle="--")
    axes.set(xlabel=label, ylabel=result.content_unit)
    axes.grid(alpha=0.3)


def _runs(layers: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last layers of the unbroken runs of a band."""
    breaks = [i + 1 for i, (low, high) in enumerate(pairwise(layers)) if high != low + 1]
    return [(layers[a], layers[b - 1]) for a, b in pairwise((0, *breaks, len(layers)))]


def _name(point: Point) -> str:
    """A configuration in a few words."""
    config, layers = point.config, point.config.layers or ()
    tokens = "all tokens" if config.keep == 1.0 else f"{config.keep:.0%} of the tokens ({config.selector})"
    return f"layers {layers[0]}-{layers[-1]}, {tokens}, {config.steps} latent steps"
