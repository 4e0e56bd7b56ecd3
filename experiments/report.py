"""The report: report.md, a self-contained report.html and summary.json, from OUT's rows alone."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path

from experiments import pushes
from experiments.display import percent
from experiments.failures import show
from experiments.failures.kinds import IDLE_S
from experiments.protocol import PAPER
from experiments.report_style import VIDEO_SCRIPT, document, html_table, md_table, section
from experiments.results import Result
from experiments.scoring import Rate
from experiments.summary import Entry, Summary, median, summarise, to_json

EMBED_BYTES = 24_000_000  # videos beyond this are linked, so that the page still opens on a phone
CAVEAT = (
    "The paper's numbers are from a real robot, ours from simulation: the same steps and the same scoring, another world. "
    "Avg. Len. is the mean over trials of steps done / steps; intervals are 95 % Wilson over trials."
)


def write_report(out: Path, beside: Sequence[Path] = ()) -> str:
    """Write the three files; gives one line that sums them up."""
    summary = summarise(out, beside)
    (out / "summary.json").write_text(json.dumps(to_json(summary), indent=1, ensure_ascii=False) + "\n")
    (out / "report.md").write_text(markdown(summary))
    (out / "report.html").write_text(page(summary, out))
    return headline(summary)


def headline(summary: Summary) -> str:
    """`sort_toys, chatvla_tiny: Avg. Len. 85 % [...] over 13 trials; all steps 77 % [...]; 0 errors`."""
    score = summary.score
    return (
        f"{summary.env}, {summary.policy}: Avg. Len. {percent(score.avg_len)} over {score.trials} trials; "
        f"all steps {percent(score.success)}; {len(summary.errors)} errors"
    )


def score_table(summary: Summary) -> list[list[str]]:
    """Header and lines: policy, where, trials, each step, Avg. Len., all steps."""
    head = ["policy", "where", "trials", *(f"step {i}" for i in range(1, len(summary.steps) + 1)), "Avg. Len.", "all steps"]
    return [head, *(_score_line(entry) for entry in summary.table)]


def question_table(summary: Summary) -> list[list[str]]:
    """Header and lines: family, questions, right, interval, the majority answer's rate."""
    if not summary.questions:
        return []
    lines = [["family", "questions", "right", "95 % interval", "majority answer"]]
    for name, f in [*sorted(summary.questions["families"].items()), ("all", summary.questions["overall"])]:
        right = Rate(f["correct"] / f["n"], f["low"], f["high"], f["n"])
        lines.append([name, str(f["n"]), f"{100 * right.value:.1f} %", f"{100 * right.low:.0f}-{100 * right.high:.0f} %", f"{100 * f['majority']:.1f} %"])
    return lines


def facts(summary: Summary) -> list[tuple[str, str]]:
    """What else a reader needs to trust or repeat the numbers."""
    first = summary.rows[0]
    commits = ", ".join(sorted({r.commit for r in summary.rows if r.commit})) or "unknown"
    return [
        ("command", summary.command),
        ("instruction", summary.instruction),
        ("trials", f"{first.split} layouts, seed {first.seed}, shift {first.shift}, clock {first.clock}, execution {first.execution}, quality {first.quality}, motion {first.motion}, {first.backend}"),
        ("checkpoint", f"{first.checkpoint} ({first.checkpoint_hash})" if first.checkpoint else "none"),
        ("steps done per trial", f"{summary.score.mean_steps_done:.2f} of {len(summary.steps)} (what CALVIN calls average length)"),
        ("planner", _planner(summary)),
        ("a real arm", pushes.told(summary.counted)),
        ("inference", latency(summary.counted)),
        ("commit", commits),
        ("rendering", first.gl or "nothing was rendered"),
        ("versions", ", ".join(f"{k} {v}" for k, v in first.versions.items())),
        ("config", first.config_hash),
    ]


def latency(rows: Sequence[Result]) -> str:
    """How long an inference takes: the trials' medians of both."""
    middle, high = median([r.infer_ms_p50 for r in rows]), median([r.infer_ms_p95 for r in rows])
    return f"median {middle:.0f} ms, p95 {high:.0f} ms" if middle is not None and high is not None else "not measured"


def _planner(summary: Summary) -> str:
    first = summary.rows[0]
    if first.planner == "none":
        return "none"
    times = [median([r.plan_ms_p50 for r in summary.counted]), median([r.plan_ms_p95 for r in summary.counted])]
    took = f"; median {times[0]:.0f} ms, p95 {times[1]:.0f} ms" if times[0] is not None and times[1] is not None else ""
    lost = sum(r.plan_unmatched for r in summary.counted)
    model = f" {first.planner_model}" if first.planner_model else ""
    often = "at every inference" if first.planner_every == 1 else f"every {first.planner_every} inferences"
    return f"{first.planner}{model}, asked {often}{took}; {lost} answers named no sub-task"


def markdown(summary: Summary) -> str:
    """The report as Markdown."""
    parts = [f"# {summary.env} · {summary.policy}", headline(summary) + ".", md_table(score_table(summary)), CAVEAT, f"Paper: {PAPER}."]
    parts += [md_table([["step", "what counts"], *([str(i), text] for i, text in enumerate(summary.steps, 1))])]
    if found := summary.failures:
        kinds = show.meanings(show.present([found]))
        parts += ["## Failures by kind", md_table(show.step_table(found, summary.steps)), show.NOTE, "\n".join(f"- {kind}: {meaning}" for kind, meaning in kinds)]
    if lines := question_table(summary):
        parts += ["## Questions about held-out scenes", md_table(lines)]
    parts += ["## Trials", md_table(_trial_lines(summary))]
    if summary.errors:
        parts += ["## Errors (outside the rates)", "\n".join(f"- trial {row.trial}: {row.error}" for row in summary.errors)]
    parts += ["## Provenance", "\n".join(f"- {name}: {text}" for name, text in facts(summary))]
    return "\n\n".join(parts) + "\n"


def page(summary: Summary, out: Path) -> str:
    """The report as one HTML file that needs no other."""
    score = summary.score
    tiles = [
        (f"{score.avg_len.value:.2f}", "Avg. Len.", f"95 % {score.avg_len.low:.2f}-{score.avg_len.high:.2f}"),
        (f"{round(100 * score.success.value)} %", "all steps done", f"95 % {100 * score.success.low:.0f}-{100 * score.success.high:.0f} %"),
        (str(score.trials), "trials", f"{len(summary.errors)} errors outside the rates"),
    ]
    if summary.questions:
        overall = summary.questions["overall"]
        tiles.append((f"{100 * overall['correct'] / overall['n']:.0f} %", "questions answered right", f"of {overall['n']}; majority {100 * overall['majority']:.0f} %"))
    body = [
        f"<header><p class='kind'>{html.escape(summary.instruction)}</p><h1>{html.escape(summary.env)} <span>{html.escape(summary.policy)}</span></h1></header>",
        "<section class='tiles'>" + "".join(f"<div><b>{a}</b><span>{b}</span><small>{c}</small></div>" for a, b, c in tiles) + "</section>",
        section("Score", html_table(score_table(summary), mark="here") + f"<p class='note'>{CAVEAT}<br>Paper: {html.escape(PAPER)}.</p>" + _step_bars(summary)),
    ]
    if found := summary.failures:
        body.append(failures_section(show.step_bars(found, summary.steps), show.step_table(found, summary.steps), show.present([found])))
    if lines := question_table(summary):
        body.append(section("Questions about held-out scenes", html_table(lines) + _example_cards(summary, out)))
    if cards := _video_cards(summary, out):
        body.append(section("Videos", f"<div class='videos'>{cards}</div>"))
    body.append(section("Trials", html_table(_trial_lines(summary))))
    if summary.errors:
        body.append(section("Errors", "<ul>" + "".join(f"<li>trial {r.trial}: <code>{html.escape(str(r.error))}</code></li>" for r in summary.errors) + "</ul>"))
    body.append(section("Provenance", "<dl>" + "".join(f"<dt>{k}</dt><dd>{html.escape(v)}</dd>" for k, v in facts(summary)) + "</dl>"))
    return document(f"{summary.env} · {summary.policy}", body, VIDEO_SCRIPT if cards else "")


def failures_section(figure: str, table: list[list[str]], kinds: Sequence[str]) -> str:
    """Failures by kind as a part of a page: figure, table, and what the kinds mean."""
    meanings = "".join(f"<dt>{kind}</dt><dd>{meaning}</dd>" for kind, meaning in show.meanings(kinds))
    return section("Failures by kind", figure + html_table(table, mark="all") + f"<p class='note'>{show.NOTE}</p><dl>{meanings}</dl>")


def _score_line(entry: Entry) -> list[str]:
    s = entry.score
    rates = [f"{count / s.trials:.2f}" if s.trials else "-" for count in s.counts]
    avg = f"{s.avg_len.value:.2f} [{s.avg_len.low:.2f}-{s.avg_len.high:.2f}]"
    return [entry.name, "paper" if entry.source == "paper" else "here", str(s.trials), *rates, avg, f"{s.counts[-1]}/{s.trials}"]


def _trial_lines(summary: Summary) -> list[list[str]]:
    head = ["trial", "outcome", "failure", "steps", "step done at, s", "length, s", "inference p50, ms", "state"]
    return [head, *([str(r.trial), r.outcome, failure_told(r), f"{r.steps_done}/{r.steps}", " ".join(f"{t:.1f}" for t in r.step_done_s) or "-", f"{r.seconds:.1f}", "-" if r.infer_ms_p50 is None else f"{r.infer_ms_p50:.0f}", r.state_hash or "-"] for r in summary.rows)]


def failure_told(row: Result) -> str:
    """`3 missed grasp, block 1, 4.2 cm`: step, kind, object, and the distance at its first closing or from its place, or how it stopped."""
    if not row.failure:
        return "-"
    f = row.failure
    away = f.get("goal_cm", f.get("grasp_cm") if f["kind"] == "missed_grasp" else None)
    more = f", {away:.1f} cm" if away is not None else ""
    if f["kind"] == "stopped_early":
        more = ", said done" if f["idle_s"] < IDLE_S else f", still for {f['idle_s']:.0f} s"
    return f"{f['step']} {show.words(f['kind'])}, {f['object'].replace('_', ' ')}{more}"


def _step_bars(summary: Summary) -> str:
    """Per step a bar for ours and a tick for the paper's ChatVLA."""
    paper = next((e.score for e in summary.table if e.name == "ChatVLA"), None)
    lines = []
    for i, (text, count) in enumerate(zip(summary.steps, summary.score.counts, strict=True)):
        value = count / max(summary.score.trials, 1)
        tick = f"<i style='left:{100 * paper.counts[i] / paper.trials:.1f}%' title='ChatVLA, paper'></i>" if paper else ""
        lines.append(f"<div class='step'><span>{html.escape(text)}</span><div class='bar'><b style='width:{100 * value:.1f}%'></b>{tick}</div><span class='num'>{count}/{summary.score.trials}</span></div>")
    legend = "<p class='note'>Bar: this run. Tick: ChatVLA in the paper.</p>" if paper else ""
    return f"<div class='steps'>{''.join(lines)}</div>{legend}"


def _video_cards(summary: Summary, out: Path) -> str:
    """Videos, failures first, embedded while they fit."""
    room, cards = EMBED_BYTES, []
    for row in sorted(summary.rows, key=lambda r: (r.success, r.trial)):
        path = out / row.video if row.video else None
        if path is None or not path.exists():
            continue
        source = row.video or ""
        if path.stat().st_size <= room:
            room -= path.stat().st_size
            source = "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()
        cards.append(f"<figure><video controls muted loop playsinline preload='metadata' src='{source}'></video><figcaption>{_told(row)}</figcaption></figure>")
    return "".join(cards)


def _example_cards(summary: Summary, out: Path) -> str:
    """A few questions with their pictures, what the network said and what is right."""
    cards = []
    for e in (summary.questions or {}).get("examples", []):
        path = out / e["image"]
        if not path.exists():
            continue
        data = base64.b64encode(path.read_bytes()).decode()
        verdict = "<em class='success'>right</em>" if e["right"] else f"<em>wrong</em>, it is: {html.escape(e['expected'])}"
        said = f"<b>{html.escape(e['question'])}</b><br>{html.escape(e['answer'])}<br>{verdict}"
        cards.append(f"<figure><img alt='{html.escape(e['camera'])} camera' src='data:image/png;base64,{data}'><figcaption>{said}</figcaption></figure>")
    return f"<div class='cards'>{''.join(cards)}</div>" if cards else ""


def _told(row: Result) -> str:
    said = "".join(f"<li><time>{t:.1f} s</time> {html.escape(text)}</li>" for t, text in row.reasoning[:40])
    more = f"<details><summary>what it said</summary><ol>{said}</ol></details>" if said else ""
    planned = "".join(f"<li><time>{t:.1f} s</time> {html.escape(told or f'? {answer}')}</li>" for t, answer, told in row.plan[:40])
    more += f"<details><summary>what it was told</summary><ol>{planned}</ol></details>" if planned else ""
    why = f", {failure_told(row)}" if row.failure else ""
    return f"<b>trial {row.trial}</b> <em class='{row.outcome}'>{row.outcome}</em> {row.steps_done}/{row.steps} steps, {row.seconds:.0f} s{why}{more}"
