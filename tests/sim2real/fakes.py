"""A small honest rig: an arm that goes to its targets, a gripper, cameras whose frames have the time of their grab, a clock by hand."""

from __future__ import annotations

import numpy as np

from envs.types import CAMERAS, CONTROL_HZ
from sim2real.arm import ArmState
from sim2real.cameras import Cameras, Frame
from sim2real.operators import Verdict
from sim2real.outcomes import CameraError, GripperError, RobotError
from sim2real.rig import Rig
from sim2real.twin.robots import FR3


class FakeClock:
    """Stands still between control steps; `thinking` periods pass at the next look."""

    real_time = False

    def __init__(self):
        self.steps, self.thinking, self.on_wait = 0, 0, lambda: None

    def start(self):
        self.steps = 0

    def now(self):
        return self.steps / CONTROL_HZ

    def missed(self):
        passed, self.thinking = self.thinking, 0
        self.steps += passed
        return passed

    def wait(self):
        self.steps += 1
        self.on_wait()


class FakeArm:
    """Goes all the way to each target; `sent` holds all of them. `trouble` is raised by whatever it is asked next."""

    def __init__(self):
        self.joint_pos = np.array([0.0, -0.2, 0.0, -2.36, 0.0, 2.15, 0.79])
        self.following, self.sent, self.trouble, self.stops = False, [], None, 0

    def _check(self):
        if self.trouble is not None:
            self.following = False
            raise self.trouble

    def state(self):
        self._check()
        return ArmState(self.joint_pos.copy(), np.zeros(7), np.zeros(7), np.zeros(7), self.joint_pos.copy(), 0.0)

    def move_to(self, joint_pos):
        self._check()
        self.joint_pos = np.array(joint_pos)

    def start(self, joint_pos):
        self._check()
        self.following = True

    def lead(self, period_s):
        self._check()

    def follow(self, joint_pos):
        self._check()
        if not self.following:
            raise RobotError("the arm follows nothing")
        self.sent.append(np.array(joint_pos))
        self.joint_pos = np.array(joint_pos)

    def stop(self):
        self.stops += self.following
        self.following = False

    def recover(self):
        self.trouble = None

    def close(self):
        self.following = False


class FakeGripper:
    """Is where it is told to be. `silent`: how many questions it does not answer."""

    def __init__(self):
        self.closed, self.silent, self.recovered = 0.0, 0, 0

    def go_to(self, closed):
        if self.silent:
            self.silent -= 1
            raise GripperError("the gripper does not answer")
        self.closed = closed
        return closed

    def recover(self):
        self.recovered += 1

    def close(self):
        pass


class FakeCamera:
    """Shows `picture` with the rig's time plus `behind`; gone while `unplugged`."""

    def __init__(self, clock, picture):
        self.clock, self.picture, self.behind, self.unplugged = clock, picture, 0.0, False

    def open(self):
        if self.unplugged:
            raise CameraError("the camera is not connected")

    def grab(self):
        self.open()
        return Frame(self.picture, self.clock.now() - self.behind, self.clock.now())

    def close(self):
        pass


class FakeScene:
    """Shows the cameras what the trial's start looks like."""

    def __init__(self, cameras):
        self.cameras, self.look = cameras, lambda: {}

    def prepare(self, trial):
        for name, picture in self.look().items():
            self.cameras[name].picture = picture

    def full_state(self):
        return None


class FakeOperator:
    """Says what its fields say; `done_at[i]`: the control step at which step i + 1 counts as done."""

    name = "fake"

    def __init__(self, done_at=()):
        self.done_at, self.let_go_s, self.pressed, self.tired, self.refuses = done_at, 0.0, False, False, None
        self.settings, self.scores = [], []

    def prepare(self, setting):
        self.settings.append(setting)
        if self.refuses is not None:
            raise self.refuses

    def steps_done(self, env):
        return sum(env.control_steps >= k for k in self.done_at)

    def dead_man_s(self):
        return self.let_go_s

    def stop_pressed(self):
        return self.pressed

    def given_up(self):
        return self.tired

    def score(self, env, outcome):
        return Verdict(self.scores.pop(0) if self.scores else env.steps_done)

    def prefer(self, trial):
        return "first"

    def close(self):
        pass


def fake_rig():
    clock = FakeClock()
    sources = {name: FakeCamera(clock, np.zeros((240, 320, 3), np.uint8)) for name in CAMERAS}
    cameras = Cameras(sources, threaded=False)
    clock.on_wait = cameras.expire
    rig = Rig("twin", FakeArm(), FR3, FakeGripper(), cameras, clock, FakeScene(sources))
    return rig, sources


def fake_env(operator=None):
    from sim2real.franka_env import FrankaEnv

    rig, sources = fake_rig()
    env = FrankaEnv(rig, "sort_toys", operator or FakeOperator())
    rig.scene.look = env.wanted  # type: ignore[attr-defined]
    return env, sources
