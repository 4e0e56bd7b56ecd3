"""What an identification found, as a table and as a page: parameters, and tracking before and after where nothing was fitted."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.robot import ARM_JOINTS
from experiments.report_style import document, html_table, section
from sim2real.identification.dynamics import Dynamics, arm_model, gripper_model
from sim2real.identification.fit import ARM_PARAMETERS, FIT_SHARE, Fit, gripper_error, tracking_error
from sim2real.identification.simulate import simulate_arm, simulate_gripper

Array = NDArray[np.float64]
UNITS = {"stiffness": "Nm/rad", "damping": "Nms/rad", "frictionloss": "Nm", "armature": "kg m2"}
WINDOW_S = 4.0  # of the motion that is drawn
WIDE, HIGH, LEFT = 760, 130, 70  # px of a chart
NOTE = (
    f"Fitted on the first {100 * FIT_SHARE:.0f} % of the log; errors and curves are of the rest, which the simulation runs through from the log's "
    "start with nothing but its targets. Errors: root mean square of simulated - logged. In brackets: standard error in %; where it is large, the motion does not show that parameter."
)
STYLE = (
    ".chart text{font:12px system-ui,sans-serif;fill:var(--quiet)}.chart path{fill:none;stroke-width:1.6}.chart .target{stroke:var(--line);stroke-width:2.5}"
    ".chart .logged{stroke:var(--ink)}.chart .before{stroke:var(--bad);stroke-dasharray:5 3}.chart .after{stroke:var(--accent);stroke-dasharray:2 3;stroke-width:2.4}"
    ".chart .zero{stroke:var(--line)}.key span{margin-right:1.2rem}.key b{display:inline-block;width:1.6rem;border-top:3px solid;vertical-align:middle;margin-right:.4rem}"
)


def error_table(found: Fit) -> list[list[str]]:
    """Header and lines: tracking error of each joint before and after, and of the gripper."""
    before, after = (1000 * tracking_error(d, found.log) for d in (found.start, found.dynamics))
    lines = [["", "before", "after", "times smaller"]]
    lines += [[name, f"{b:.2f} mrad", f"{a:.2f} mrad", f"{b / a:.1f}"] for name, b, a in zip(ARM_JOINTS, before, after, strict=True)]
    b, a = (100 * gripper_error(d, found.log) for d in (found.start, found.dynamics))
    return lines if np.isnan(b) else [*lines, ["gripper", f"{b:.2f} % of its way", f"{a:.2f} %", f"{b / a:.1f}"]]


def parameter_table(found: Fit, truth: Dynamics | None = None) -> list[list[str]]:
    """Header and lines: a parameter of each joint before and after; with the truth also how far off it is."""
    lines = [["joint", *(f"{name}, {UNITS[name]}" for name in ARM_PARAMETERS)]]
    for i, joint in enumerate(ARM_JOINTS):
        cells = []
        for name in ARM_PARAMETERS:
            old, new, error = (getattr(d, name)[i] for d in (found.start, found.dynamics, found.error))
            cells.append(f"{old:.3g} -> {new:.3g} [{100 * error:.1f}]" + (f" true {getattr(truth, name)[i]:.3g}" if truth else ""))
        lines.append([joint, *cells])
    return lines


def timing_table(found: Fit, truth: Dynamics | None = None) -> list[list[str]]:
    """Header and lines: delays, and what decides how fast the gripper closes."""
    rows = (("delay of the arm, ms", "delay_s", 1000.0), ("delay of the gripper, ms", "gripper_delay_s", 1000.0), ("damping of the gripper, Nms/rad", "gripper_damping", 1.0))
    lines = [["", "before", "after", *(["true"] if truth else [])]]
    for text, name, scale in rows:
        lines.append([text, *(f"{scale * getattr(d, name):.2f}" for d in (found.start, found.dynamics, *([truth] if truth else [])))])
    return lines


def page(found: Fit, name: str, command: str, truth: Dynamics | None) -> str:
    """The whole page, which needs no other file."""
    key = "<p class='key note'>" + "".join(f"<span><b style='border-color:var(--{colour})'></b>{text}</span>" for text, colour in (("target", "line"), ("logged", "ink"), ("simulated before", "bad"), ("simulated after", "accent"))) + "</p>"
    body = [
        f"<style>{STYLE}</style><header><p class='kind'>Identification</p><h1>{html.escape(name)} <span>{found.log.time[-1] - found.log.time[0]:.0f} s</span></h1></header>",
        section("Tracking", html_table(error_table(found)) + f"<p class='note'>{NOTE}</p>"),
        section("Motion", key + "".join(_charts(found))),
        section("Parameters", html_table(parameter_table(found, truth)) + html_table(timing_table(found, truth))),
        section("Provenance", f"<dl><dt>command</dt><dd>{html.escape(command)}</dd>" + "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in found.log.meta.items()) + "</dl>"),
    ]
    return document(f"Identification {name}", body)


def _charts(found: Fit) -> list[str]:
    """For each joint its motion and the simulation's errors, then the gripper, over the first WINDOW_S that were not fitted."""
    log, model = found.log, arm_model()
    start = round(FIT_SHARE * len(log.time))
    window = slice(start, int(np.searchsorted(log.time, log.time[start] + WINDOW_S)))
    time = log.time[window]
    before, after = (simulate_arm(model, d, log).joint_pos[window] for d in (found.start, found.dynamics))
    charts = []
    for i, joint in enumerate(ARM_JOINTS):
        logged = log.joint_pos[window, i]
        charts.append(_chart(f"{joint}, rad", time, {"target": log.joint_target[window, i], "logged": logged, "before": before[:, i], "after": after[:, i]}))
        charts.append(_chart(f"{joint}, simulated - logged, mrad", time, {"before": 1000 * (before[:, i] - logged), "after": 1000 * (after[:, i] - logged)}, zero=True))
    if np.isfinite(log.gripper_closed[0]):
        gripper, known = gripper_model(), np.isfinite(log.gripper_closed[window])
        closed = {k: simulate_gripper(gripper, d, log)[window] for k, d in (("before", found.start), ("after", found.dynamics))}
        curves = {"target": log.gripper_target[window], "logged": log.gripper_closed[window], **closed}
        charts.append(_chart("gripper closed", time[known], {name: curve[known] for name, curve in curves.items()}))
    return charts


def _chart(title: str, time: Array, curves: Mapping[str, Sequence[float] | Array], zero: bool = False) -> str:
    """Curves over time as SVG, one axis for all."""
    low, high = (f([f(np.asarray(c)) for c in curves.values()]) for f in (np.min, np.max))
    low, high = (min(low, 0), max(high, 0)) if zero else (low, high)
    span = max(float(high - low), 1e-9)

    def y(value: float) -> float:
        return 22 + (HIGH - 42) * (1 - (value - low) / span)

    x = LEFT + (WIDE - LEFT - 10) * (time - time[0]) / (time[-1] - time[0])
    paths = "".join(f"<path class='{name}' d='M{' '.join(f'{a:.1f},{y(b):.1f}' for a, b in zip(x, np.asarray(curve), strict=True))}'/>" for name, curve in curves.items())
    line = f"<path class='zero' d='M{LEFT},{y(0):.1f}H{WIDE - 10}'/>" if zero else ""
    ticks = "".join(f"<text x='{LEFT - 6}' y='{y(v) + 4:.1f}' text-anchor='end'>{v:.3g}</text>" for v in (low, high))
    ends = f"<text x='{LEFT}' y='{HIGH - 4}'>{time[0]:.1f} s</text><text x='{WIDE - 10}' y='{HIGH - 4}' text-anchor='end'>{time[-1]:.1f} s</text>"
    return f"<svg class='chart' viewBox='0 0 {WIDE} {HIGH}' width='100%' role='img' aria-label='{title}'><text x='{LEFT}' y='13'>{title}</text>{line}{paths}{ticks}{ends}</svg>"
