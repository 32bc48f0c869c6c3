"""The profiler's plots, as PNG: one idea each. matplotlib is loaded when the first one is drawn."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from laco.comm.radio import RadioSpec
from laco.comm.radio.presets import find
from laco.profiling.links import BUDGET, REQUIREMENTS, budget, ceiling

BLUE, RED, GREY, GREEN = "#1d4e89", "#c1121f", "#8d99ae", "#2a9d8f"
NEAR_X, NEAR_Y = 1.35, 3.0  # points of a plot with logarithmic axes that are nearer than this share a label
DRAWN = ("its_g5_dcc", "dsrc_3m", "dsrc_6m", "cv2x_pc5", "nr_25")  # budgets that differ enough to be told apart
Stage = tuple[str, Mapping[str, float], bool]  # name, quantiles [ms], whether on the simulation clock


def rate_distortion(points: Sequence[Mapping[str, Any]], tokens: int, what: str, unit: str) -> bytes:
    """Codecs by bytes a token and distortion, with the most that each radio carries of so many tokens in 100 ms.

    points: of `laco.profiling.codecs`, as plain mappings. what: "kl" or "error"; one of 0 stands at the bottom.
    """
    figure, axes = _figure(f"Codecs: a message of {tokens} tokens, and what radios carry of it in 100 ms")
    shown = [p for p in points if p.get("bytes_per_token") is not None and p.get(what) is not None]
    seen = [p[what] for p in shown if p[what] > 0]
    floor = min(seen) / 10 if seen else 1e-6
    labels: list[tuple[float, float, list[str]]] = []
    for p in sorted(shown, key=lambda p: -float(p["bytes_per_token"])):
        x, y = p["bytes_per_token"], max(p[what], floor)
        axes.scatter(x, y, s=50, color=BLUE, zorder=3)
        label = p["codec"] + (" (exact)" if p[what] <= 0 else "")
        near = next((names for a, b, names in labels if a < NEAR_X * x and 1 / NEAR_Y < y / b < NEAR_Y), None)
        if near is None:
            labels.append((x, y, [label]))
        else:  # one label for points that would write over each other
            near.insert(0, label)
    for x, y, names in labels:
        axes.annotate(", ".join(names), (x, y), xytext=(6, 6), textcoords="offset points", fontsize=9)
    for name in DRAWN:
        most = budget(find(name)) / tokens
        axes.axvline(most, color=RED, linestyle="--", linewidth=1, alpha=0.7)
        axes.text(most, 0.98, f" {name} ", rotation=90, color=RED, fontsize=8, va="top", ha="right",
                  transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set(
        xscale="log", yscale="log", xlabel="payload [bytes per token]; left of a line fits that radio", ylabel=unit
    )
    axes.margins(0.15)
    return _png(figure)


def waterfall(channels: Mapping[str, Sequence[Stage]]) -> bytes:
    """Stages of a decision one after the other, each at its median, whiskers to p90: a panel per channel."""
    names = list(channels)
    rows = sum(len(stages) + 2 for stages in channels.values())
    figure, panels = _figure("From thinking to acting: median of each stage, whisker to p90", len(names), 0.26 * rows)
    for axes, name in zip(np.atleast_1d(panels), names, strict=True):
        start = 0.0
        for i, (_, found, simulated) in enumerate(channels[name]):
            p50, p90 = found["p50"], found["p90"]
            axes.barh(i, p50, left=start, color=GREEN if simulated else BLUE, height=0.7)
            axes.plot([start + p50, start + max(p50, p90)], [i, i], color=GREY, linewidth=2)
            axes.text(start + max(p50, p90), i, f"  {p50:.2f}", va="center", fontsize=8)
            start += p50
        axes.set_yticks(range(len(channels[name])), [stage for stage, *_ in channels[name]], fontsize=8)
        axes.invert_yaxis()
        axes.set_title(f"{name}: {start:.1f} ms", fontsize=10, loc="left")
        axes.margins(x=0.12)
    np.atleast_1d(panels)[-1].set_xlabel("[ms]; blue on the wall clock, green on the simulation clock")
    return _png(figure)


def ages(samples: Mapping[str, Sequence[float]], deadline: float = BUDGET) -> bytes:
    """Histogram of the age of information at use [s], a panel per kind of message, with what standards ask for."""
    names = list(samples)
    title = "Age of information when it was used; dashed: latencies of TS 22.185 (100 ms) and TS 22.186 (25, 20, 10 ms)"
    figure, panels = _figure(title, max(1, len(names)), 1.3 * len(names))
    longest = max([1.05 * deadline, *(age for found in samples.values() for age in found)])
    edges = np.linspace(0.0, 1e3 * longest, 43)
    for axes, name in zip(np.atleast_1d(panels), names, strict=False):
        found = 1e3 * np.asarray(samples[name])
        axes.hist(found, edges, color=BLUE)
        axes.set_title(f"{name}: {len(found)} used, median {np.median(found):.0f} ms", fontsize=9, loc="left")
        axes.set_ylabel("messages", fontsize=8)
        for need in REQUIREMENTS:
            axes.axvline(1e3 * need.latency, color=RED, linestyle="--", linewidth=1)
    np.atleast_1d(panels)[-1].set_xlabel("age when it was first used [ms]")
    return _png(figure)


def load(rate: Sequence[float], radio: RadioSpec, name: str) -> bytes:
    """Bits offered to the air in every second of a run, against what the radio can carry."""
    figure, axes = _figure(f"What {name} offers to the air ({radio.preset})")
    axes.stairs(np.asarray(rate) / 1e6, color=BLUE, label="offered", linewidth=2)
    most = ceiling(radio)
    if most is not None:
        axes.axhline(most / 1e6, color=RED, linestyle="--", label=f"ceiling of {radio.preset}")
    axes.set(xlabel="simulation time [s]", ylabel="air bytes offered [Mbit/s]", ylim=(0.0, None))
    axes.legend(fontsize=8)
    return _png(figure)


def ratios(rows: Sequence[Mapping[str, Any]], plain: str) -> bytes:
    """Publish to decode by message size, against plain pyzmq moving the same frames."""
    figure, axes = _figure("Publish to decode over loopback TCP: median, bar from p50 to p90")
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for i, case in enumerate(cases):
        found = [row for row in rows if row["case"] == case]
        x = [row["payload"] for row in found]
        middle = [row["total"]["p50"] for row in found]
        above = [max(0.0, row["total"]["p90"] - row["total"]["p50"]) for row in found]
        color = GREY if case == plain else (BLUE, GREEN, RED, "#e09f3e")[(i - 1) % 4]
        axes.errorbar(x, middle, yerr=[[0.0] * len(x), above], marker="o", color=color, label=case, capsize=3)
    axes.set(xscale="log", yscale="log", xlabel="payload [bytes]", ylabel="time [ms]")
    axes.legend(fontsize=8)
    return _png(figure)


def _figure(title: str, panels: int = 1, height: float = 5.0) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(3.5, height)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panels, 1)
    figure.suptitle(title, fontsize=11)
    for one in np.atleast_1d(axes):
        one.grid(alpha=0.3)
        one.set_axisbelow(True)
    return figure, axes


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
