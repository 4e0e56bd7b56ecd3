"""The comparison as a page that needs no other file, with the videos of both worlds side by side, and as Markdown."""

from __future__ import annotations

import base64
import html
import math
import os
from collections.abc import Sequence
from pathlib import Path

from experiments.display import percent
from experiments.report import EMBED_BYTES
from experiments.report_style import VIDEO_SCRIPT, document, html_table, md_table, section
from sim2real.compare.comparison import FEW_POLICIES, Comparison, Line, Ranking
from sim2real.compare.pairs import Pair, Played
from sim2real.compare.ppi import LEAST

NOTE = (
    "Success of the same layouts in both worlds, with 95 % Wilson intervals. p: exact McNemar test that one world succeeds more "
    "often; a large p is no proof that they are alike. Estimate: the real rate from these pairs and all further simulated trials "
    f"(PPI++; with fewer than {LEAST} pairs, or where simulation does not help, the real trials alone); worth: as many real trials "
    "alone would be as precise. Avg. Len.: real - simulated, trial by trial, with a 95 % bootstrap interval."
)
RANKING_NOTE = (
    "r: Pearson's correlation of the policies' success, simulated against real. MMRV: mean maximum rank violation, 0 where simulation "
    "orders the policies as reality does. Intervals: 95 % bootstrap over layouts, of these policies; "
    f"with fewer than {FEW_POLICIES} policies r says little whatever its interval."
)
STYLE = (
    ".pair{display:grid;grid-template-columns:1fr 1fr;gap:2px}.pair p{margin:0;padding:.35rem .9rem;font-size:.8rem;color:var(--quiet)}"
    ".pair em{font-style:normal;color:var(--bad)}.pair em.success{color:var(--accent)}.pair .none{padding:2rem .9rem}.scatter text{font:13px system-ui,sans-serif;fill:var(--ink)}.scatter .quiet{fill:var(--quiet)}"
    ".scatter line,.scatter rect{stroke:var(--line);fill:none}.scatter .whisker{stroke:var(--quiet)}.scatter circle{fill:var(--accent)}"
    "@media(max-width:44rem){.pair{grid-template-columns:1fr}}"
)
# Both videos of a pair start together.
PAIR_SCRIPT = """
document.querySelectorAll('.pair').forEach(p=>{const all=[...p.querySelectorAll('video')]
all.forEach(v=>{v.loop=false;v.onended=()=>{if(all.every(x=>x.ended))all.forEach(x=>{x.currentTime=0;x.play().catch(()=>0)})}})})
"""


def headline(line: Line) -> str:
    """`sort_toys, chatvla_tiny: sim 85 % [...], real 77 % [...] of 20 pairs, p = 0.62; real estimate 79 % [...]`."""
    return (
        f"{line.cell.env}, {line.cell.policy}: sim {percent(line.sim)}, real {percent(line.real)} of {len(line.cell.pairs)} pairs, "
        f"p = {line.p:.2g}; real estimate {_estimate(line)}"
    )


def table(comparison: Comparison) -> list[list[str]]:
    """Header and lines: a policy on a task each."""
    head = ["task", "policy", "real is", "pairs", "sim", "real", "alike", "only sim", "only real", "p", "estimate of real", "worth", "Avg. Len."]
    return [head, *(_table_line(line) for line in comparison.lines)]


def ranking_table(rankings: Sequence[Ranking]) -> list[list[str]]:
    """Header and lines: a task each."""
    head = ["task", "policies", "r", "95 %", "MMRV", "95 %"]
    return [head, *([r.env, str(r.policies), *_with_interval(r.pearson), *_with_interval(r.mmrv)] for r in rankings)]


def markdown(comparison: Comparison, command: str) -> str:
    """The numbers as Markdown."""
    parts = ["# Simulation against reality", *(headline(line) + "." for line in comparison.lines), md_table(table(comparison)), NOTE]
    if comparison.rankings:
        parts += ["## Policies in order", md_table(ranking_table(comparison.rankings)), RANKING_NOTE]
    left = [f"- {text}" for line in comparison.lines for text in _left_out(line)]
    parts += (["## Not compared", "\n".join(left)] if left else []) + [f"`{command}`"]
    return "\n\n".join(parts) + "\n"


def page(comparison: Comparison, out: Path, command: str) -> str:
    """The whole page; videos that no longer fit are linked relative to `out`."""
    first = comparison.lines[0]
    body = [
        f"<style>{STYLE}</style><header><p class='kind'>Simulation against reality</p><h1>{html.escape(_title(comparison))}</h1></header>",
        _tiles(first) if len(comparison.lines) == 1 else "",
        section("The same trials in both worlds", html_table(table(comparison)) + f"<p class='note'>{NOTE}</p>"),
    ]
    if len(comparison.lines) > 1:
        ranked = html_table(ranking_table(comparison.rankings)) + f"<p class='note'>{RANKING_NOTE}</p>" if comparison.rankings else ""
        body.append(section("Policies in order", _scatter(comparison.lines) + ranked))
    if cards := _cards(comparison.lines, out):
        body.append(section("Pairs, those that ended differently first", f"<div class='videos'>{cards}</div>"))
    if left := [text for line in comparison.lines for text in _left_out(line)]:
        body.append(section("Not compared", "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in left) + "</ul>"))
    body.append(section("Provenance", "<dl>" + "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in _facts(first, command)) + "</dl>"))
    return document("Simulation against reality", body, VIDEO_SCRIPT + PAIR_SCRIPT if cards else "")


def _table_line(line: Line) -> list[str]:
    d, (_, only_sim, only_real, _) = line.progress, line.table
    change = f"{d.value:+.2f} [{d.low:+.2f} to {d.high:+.2f}]" if d else "-"
    return [
        line.cell.env, line.cell.policy, _world(line), str(len(line.cell.pairs)), percent(line.sim), percent(line.real), percent(line.agreement),
        str(only_sim), str(only_real), f"{line.p:.2g}", _estimate(line), f"{line.estimate.worth:.0f}", change,
    ]  # fmt: skip


def _world(line: Line) -> str:
    """What the real side is: a twin is named, so that nobody takes it for a robot."""
    return " and ".join(sorted({p.real.row.backend for p in line.cell.pairs}))


def _estimate(line: Line) -> str:
    e = line.estimate
    return f"{100 * e.value:.0f} % [{100 * e.low:.0f}-{100 * e.high:.0f}]"


def _with_interval(value: tuple[float, float, float]) -> list[str]:
    at, low, high = value
    return ["-" if math.isnan(at) else f"{at:.3f}", "-" if math.isnan(low) else f"{low:.2f} to {high:.2f}"]


def _title(comparison: Comparison) -> str:
    envs, policies = (sorted({getattr(line.cell, k) for line in comparison.lines}) for k in ("env", "policy"))
    return " · ".join(", ".join(names) if len(names) < 4 else f"{len(names)} {what}" for names, what in ((envs, "tasks"), (policies, "policies")))


def _tiles(line: Line) -> str:
    tiles = [
        (f"{100 * line.real.value:.0f} %", f"success, {_world(line)}", f"95 % {100 * line.real.low:.0f}-{100 * line.real.high:.0f} %, {line.real.trials} trials"),
        (f"{100 * line.sim.value:.0f} %", "success, simulated", f"the same trials; p = {line.p:.2g}"),
        (f"{100 * line.agreement.value:.0f} %", "ended alike", f"95 % {100 * line.agreement.low:.0f}-{100 * line.agreement.high:.0f} %"),
        (f"{100 * line.estimate.value:.0f} %", "real, with simulation's help", f"95 % {100 * line.estimate.low:.0f}-{100 * line.estimate.high:.0f} %, worth {line.estimate.worth:.0f} real trials"),
    ]
    return "<section class='tiles'>" + "".join(f"<div><b>{a}</b><span>{html.escape(b)}</span><small>{c}</small></div>" for a, b, c in tiles) + "</section>"


def _cards(lines: Sequence[Line], out: Path) -> str:
    """Videos of the pairs, embedded while they fit, the pairs that ended differently first."""
    room, cards = EMBED_BYTES, []
    pairs = [(line, pair) for line in lines for pair in line.cell.pairs]
    for line, pair in sorted(pairs, key=lambda x: (x[1].sim.row.success == x[1].real.row.success, x[1].real.row.trial)):
        videos = [_video(side) for side in (pair.sim, pair.real)]
        if not any(videos):
            continue
        sides = []
        for side, video in zip((pair.sim, pair.real), videos, strict=True):
            size = video.stat().st_size if video else 0
            fits = size <= room
            room -= size if fits else 0
            sides.append(f"<div>{_player(video, out, fits)}<p>{side.row.backend}: {_ended(side)}</p></div>")
        cards.append(f"<figure><div class='pair'>{''.join(sides)}</div><figcaption>{_told(line, pair)}</figcaption></figure>")
    return "".join(cards)


def _video(played: Played) -> Path | None:
    path = played.folder / played.row.video if played.row.video else None
    return path if path is not None and path.exists() else None


def _player(video: Path | None, out: Path, embedded: bool) -> str:
    if video is None:
        return "<p class='none'>no video</p>"
    source = "data:video/mp4;base64," + base64.b64encode(video.read_bytes()).decode() if embedded else html.escape(os.path.relpath(video, out))
    return f"<video controls muted playsinline preload='metadata' src='{source}'></video>"


def _ended(played: Played) -> str:
    row = played.row
    return f"<em class='{row.outcome}'>{row.outcome}</em>, {row.steps_done}/{row.steps} steps, {row.seconds:.0f} s"


def _told(line: Line, pair: Pair) -> str:
    alike = "ended alike" if pair.sim.row.success == pair.real.row.success else "<em>ended differently</em>"
    return f"<b>{html.escape(line.cell.env)}, {html.escape(line.cell.policy)}, trial {pair.real.row.trial}</b> {alike}"


def _left_out(line: Line) -> list[str]:
    cell, told = line.cell, []
    who = f"{cell.env}, {cell.policy}"
    if cell.sim_only:
        told.append(f"{who}: {len(cell.sim_only)} trials were simulated only" + (" (they support the estimate)" if line.estimate.weight else ""))
    if cell.real_only:
        told.append(f"{who}: {len(cell.real_only)} real trials have no simulated one")
    if cell.left_out:
        told.append(f"{who}: {cell.left_out} rows are errors or invalid, no trials")
    return told


def _facts(line: Line, command: str) -> list[tuple[str, str]]:
    pair = line.cell.pairs[0]
    sides = [(name, side) for name, side in (("simulated", pair.sim), ("real", pair.real))]
    commands = [(name, f"{s.row.command or 'unknown command'}; commit {s.row.commit or 'unknown'}; {s.row.backend}") for name, s in sides]
    return [("command", command), *commands, ("checkpoint", f"{pair.sim.row.checkpoint or 'none'} ({pair.sim.row.checkpoint_hash or 'no weights'})")]


def _scatter(lines: Sequence[Line]) -> str:
    """Simulated success across, real success up, a point with both intervals for each policy and task, as SVG."""
    size, left, top = 320, 60, 14

    def x(v: float) -> float:
        return left + size * v

    def y(v: float) -> float:
        return top + size * (1 - v)

    parts = [f"<rect x='{left}' y='{top}' width='{size}' height='{size}'/><line x1='{x(0)}' y1='{y(0)}' x2='{x(1)}' y2='{y(1)}' stroke-dasharray='4 4'/>"]
    for v in (0, 0.5, 1):
        parts.append(f"<text class='quiet' x='{x(v):.0f}' y='{top + size + 18}' text-anchor='middle'>{v:g}</text><text class='quiet' x='{left - 8}' y='{y(v) + 4:.0f}' text-anchor='end'>{v:g}</text>")
    for line in lines:
        s, r = line.sim, line.real
        name = f"{line.cell.env}, {line.cell.policy}"
        parts.append(f"<line class='whisker' x1='{x(s.low):.1f}' x2='{x(s.high):.1f}' y1='{y(r.value):.1f}' y2='{y(r.value):.1f}'/><line class='whisker' y1='{y(r.low):.1f}' y2='{y(r.high):.1f}' x1='{x(s.value):.1f}' x2='{x(s.value):.1f}'/>")
        parts.append(f"<circle cx='{x(s.value):.1f}' cy='{y(r.value):.1f}' r='5'><title>{html.escape(name)}</title></circle><text x='{x(s.value) + 9:.1f}' y='{y(r.value) - 7:.1f}'>{html.escape(name)}</text>")
    parts.append(f"<text class='quiet' x='{left + size / 2}' y='{top + size + 38}' text-anchor='middle'>success, simulated</text><text class='quiet' transform='translate(16 {top + size / 2}) rotate(-90)' text-anchor='middle'>success, real</text>")
    return f"<svg class='scatter' viewBox='0 0 760 {top + size + 46}' style='width:100%;max-width:760px' role='img' aria-label='Real success against simulated success'>{''.join(parts)}</svg>"
