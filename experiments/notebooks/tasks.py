"""Tables about the tasks themselves: the paper's rates, scenes, what a step costs, and what notebook 01 ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from envs.tasks import TASKS
from experiments.paper_tables import paper_scores
from experiments.protocol import PAPER_POLICIES, ROWS, find_row, paper_score
from experiments.scoring import rate

CONTENDERS = {"blind": "ours, no cameras", "cameras": "ours, three cameras", "robosuite": "robosuite, three cameras"}


def by_scene(names: Sequence[str]) -> dict[str, list[str]]:
    """Scene -> those of the tasks that play in it."""
    scenes: dict[str, list[str]] = {}
    for name in names:
        scenes.setdefault(TASKS[name].scene, []).append(name)
    return scenes


def paper_rates(names: Sequence[str]) -> pd.DataFrame:
    """Columns env, value, low, high: ChatVLA's Avg. Len. on its robot, of those tasks that are a row of the paper's protocol."""
    found = {row.env: paper_score(row, "ChatVLA").avg_len for name in names if (row := find_row(name))}
    return pd.DataFrame([(env, r.value, r.low, r.high) for env, r in found.items()], columns=["env", "value", "low", "high"])


def paper_means() -> pd.DataFrame:
    """The paper's Tables 2-4 by group: mean Avg. Len. of each policy over the group's rows, and of all 19."""
    scores = {policy: paper_scores(policy) for policy in PAPER_POLICIES}
    groups = {group: [row.env for row in ROWS if row.group == group] for group in dict.fromkeys(row.group for row in ROWS)}
    groups["all"] = [row.env for row in ROWS]
    means = {policy: [sum(of[env].avg_len.value for env in envs) / len(envs) for envs in groups.values()] for policy, of in scores.items()}
    return pd.DataFrame(means, index=list(groups)).T.round(2)


def step_costs(speed: Mapping[str, Any]) -> pd.DataFrame:
    """Columns name, value, low, high: median and extremes of CPU ms a step, from `env_speed.measure`."""
    found = [(text, *(speed["cpu_ms"][key][of] for of in ("median", "min", "max"))) for key, text in CONTENDERS.items() if key in speed["cpu_ms"]]
    return pd.DataFrame(found, columns=["name", "value", "low", "high"])


def closing(expert: pd.DataFrame, idle: pd.DataFrame, speed: Mapping[str, Any]) -> pd.DataFrame:
    """What held of "can be done", "nothing is free" and "is cheap", from the trials and the timing alone."""
    done, free = (rate(float(t["progress"].sum()), len(t)) for t in (expert, idle))
    failed = expert[~expert["success"].astype(bool)]["env"].value_counts()
    moved = idle[idle["steps_done"] > 0]["env"].unique()
    ratio, cost = speed["robosuite_over_ours"], f"a step with cameras costs {speed['cpu_ms']['cameras']['median']:.1f} CPU ms"
    beside = f"{cost}; robosuite's {ratio['median']:.1f} times as much ({ratio['min']:.1f}-{ratio['max']:.1f})" if ratio else cost
    rows = [
        ("every task can be done", f"expert: {int(expert['success'].sum())}/{len(expert)} trials, steps {_bounds(done)}", "held" if failed.empty else "all but " + ", ".join(f"{n} of {env}" for env, n in failed.items())),
        ("nothing is free", f"doing nothing: {int(idle['steps_done'].sum())} steps in {len(idle)} trials, {_bounds(free)}", "held" if not len(moved) else "not in " + ", ".join(moved)),
        ("a trial is cheap", beside, "not compared" if not ratio else "held" if ratio["min"] > 1 else "did not hold"),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "measured", "verdict"]).set_index("what")


def _bounds(r: Any) -> str:
    return f"{100 * r.value:.0f} % [{100 * r.low:.0f}-{100 * r.high:.0f}]"
