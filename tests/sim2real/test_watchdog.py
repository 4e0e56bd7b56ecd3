"""Old signs first hold the arm, then stop it; each on both sides of its threshold."""

from __future__ import annotations

import pytest

from sim2real.outcomes import CameraError, OperatorStop, StaleAction
from sim2real.safety import SafetyLimits
from sim2real.watchdog import Signs, judge

LIMITS = SafetyLimits()


def test_with_fresh_signs_the_arm_may_go():
    assert judge(Signs(), LIMITS).order == "go"


@pytest.mark.parametrize(
    ("sign", "hold_s", "stop_s", "error"),
    [
        ("frame_s", LIMITS.frame_hold_s, LIMITS.frame_stop_s, CameraError),
        ("action_s", LIMITS.action_hold_s, LIMITS.action_stop_s, StaleAction),
        ("dead_man_s", LIMITS.dead_man_hold_s, LIMITS.dead_man_stop_s, OperatorStop),
        ("apart_s", LIMITS.frame_hold_s, LIMITS.frame_stop_s, CameraError),
    ],
)
def test_an_old_sign_holds_then_stops(sign, hold_s, stop_s, error):
    orders = [judge(Signs(**{sign: age}, camera="left"), LIMITS) for age in (hold_s - 0.01, hold_s, stop_s - 0.01, stop_s)]
    assert [v.order for v in orders] == ["go", "hold", "hold", "stop"]
    assert isinstance(orders[-1].why, error)


def test_the_stop_button_comes_before_everything():
    verdict = judge(Signs(frame_s=99, stop_pressed=True), LIMITS)
    assert verdict.order == "stop"
    assert isinstance(verdict.why, OperatorStop)


def test_of_two_troubles_the_graver_decides():
    assert isinstance(judge(Signs(frame_s=LIMITS.frame_hold_s, action_s=LIMITS.action_stop_s), LIMITS).why, StaleAction)


def test_the_camera_that_is_behind_is_named():
    assert "wrist" in str(judge(Signs(frame_s=9, camera="wrist"), LIMITS).why)
