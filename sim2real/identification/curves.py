"""An identification as tables to draw: tracking errors before and after, and the motion that was not fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from envs.robot import ARM_JOINTS
from sim2real.identification.dynamics import arm_model
from sim2real.identification.fit import FIT_SHARE, Fit, tracking_error
from sim2real.identification.simulate import simulate_arm


def joint_errors(found: Fit) -> pd.DataFrame:
    """Columns joint, before, after: root mean square of simulated - logged in the part that was not fitted, mrad."""
    before, after = (1000 * tracking_error(d, found.log) for d in (found.start, found.dynamics))
    return pd.DataFrame({"joint": ARM_JOINTS, "before": before, "after": after})


def error_curves(found: Fit, seconds: float) -> pd.DataFrame:
    """Columns joint, name (before | after), time s, error mrad: simulated - logged over the first `seconds` that were not fitted."""
    log, model = found.log, arm_model()
    start = round(FIT_SHARE * len(log.time))
    window = slice(start, int(np.searchsorted(log.time, log.time[start] + seconds)))
    parts = []
    for name, dynamics in (("before", found.start), ("after", found.dynamics)):
        error = 1000 * (simulate_arm(model, dynamics, log).joint_pos - log.joint_pos)[window]
        parts += [pd.DataFrame({"joint": joint, "name": name, "time": log.time[window], "error": error[:, i]}) for i, joint in enumerate(ARM_JOINTS)]
    return pd.concat(parts, ignore_index=True)
