"""The log of an excitation, played by the robot's own drivers; on a gated twin, a sample each millisecond."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from envs.impedance import JOINT_DAMPING, JOINT_STIFFNESS
from envs.motion import MOTIONS, TICK
from envs.types import Trial
from sim2real.arm import ArmState, Collision
from sim2real.identification.dynamics import Dynamics
from sim2real.identification.excitation import Excitation, excitation
from sim2real.identification.from_torques import LAW
from sim2real.identification.samples import Sampler, Samples
from sim2real.identification.synthetic import hidden_dynamics
from sim2real.twin import Delays, Twin
from sim2real.twin.wire import MODE_MOVE
from sim2real.twin_rig import TwinRig, make_twin_rig

TASK = "sort_toys"
COMMAND_TICKS, GRIPPER_TICKS = (1, 3), (30, 100)  # ms, from and to: what a hidden twin is late by; the law swings with more
SHARE = 0.6  # of the steps that a torque's rate allows: late commands need some of it


def hidden_twin(rng: np.random.Generator) -> tuple[Dynamics, Delays]:
    """A twin that nobody knows: friction, armature and gripper of `hidden_dynamics`, and delays; the gains are the driver's law's."""
    delays = Delays(command_ticks=int(rng.integers(*COMMAND_TICKS, endpoint=True)), gripper_ticks=int(rng.integers(*GRIPPER_TICKS, endpoint=True)))
    late_s = TICK * (1 + delays.command_ticks)  # a law's answer to a state acts in the millisecond after it
    law = {"stiffness": tuple(JOINT_STIFFNESS.tolist()), "damping": tuple(JOINT_DAMPING.tolist())}
    return replace(hidden_dynamics(rng), **law, delay_s=late_s, gripper_delay_s=TICK * delays.gripper_ticks), delays


def record(path: Path, seconds: float, rng: np.random.Generator) -> tuple[Samples, Dynamics]:
    """Plays an excitation on a hidden twin through its drivers, and writes the log; the log and what is true of the twin."""
    motion = excitation(seconds, rng, tuple(SHARE * v for v in MOTIONS["smooth"].max_step))
    truth, delays = hidden_twin(rng)
    rig = make_twin_rig(TASK, "gated", Collision(), delays=delays, dynamics=truth)
    try:
        with Sampler(path, {"backend": "twin", "robot": rig.kind.name, **LAW}) as sampler:
            play(rig, motion, sampler)
    finally:
        rig.close()
    return sampler.log(), truth


def play(rig: TwinRig, motion: Excitation, sampler: Sampler) -> None:
    """Each of the motion's targets to arm and gripper for a control period, a sample at each millisecond.

    The gripper is asked where it is once a control period, when it gets its target; nan in between.
    """
    rig.twin.reset(Trial(TASK, 0))
    rig.arm.move_to(motion.joint_target[0])
    rig.arm.start(motion.joint_target[0])
    rig.clock.start()
    rig.twin.hold(1)
    try:
        told_s = rig.arm.state().time_s
        for joint_target, gripper_target in zip(motion.joint_target, motion.gripper_target, strict=True):
            rig.arm.follow(joint_target)
            closed = rig.gripper.go_to(float(gripper_target))
            for state in _period(rig):
                sampler.sample(state.time_s, told_s, state.target, state.joint_pos, state.joint_vel, state.torque, float(gripper_target), closed)
                told_s, closed = state.time_s, np.nan
    finally:
        rig.arm.stop()


def _period(rig: TwinRig) -> Iterator[ArmState]:
    """The arm's state at each millisecond of a control period, before the arm is led on."""
    twin: Twin = rig.twin
    now = twin.state().control_steps
    while (state := twin.state()).control_steps == now:
        if state.robot_mode != MODE_MOVE:
            rig.arm.follow(state.joint_pos)  # raises what has ended the motion
        yield rig.arm.state()
        rig.arm.lead(TICK)
        twin.step()
