from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from envs.ik import IK
from envs.motion import ticks_until
from envs.robot import DAMPING_RATIO, STIFFNESS, TORQUE_LIMIT
from envs.sim_env import SimEnv
from envs.types import CAMERAS, Trial
from sim2real.twin import Twin, TwinError, faults, zed
from sim2real.twin.__main__ import main
from sim2real.twin.plant import Plant

ROOT = Path(__file__).parents[3]
TRIAL = Trial("sort_toys", 1)


def opened(twin: Twin, sl, name: str):
    init = sl.InitParameters(camera_resolution=sl.RESOLUTION.VGA, camera_fps=30, depth_mode=sl.DEPTH_MODE.NONE)
    init.set_from_serial_number(twin.serials[name])
    camera = sl.Camera()
    assert camera.open(init) == sl.ERROR_CODE.SUCCESS
    return camera


def picture(sl, camera) -> np.ndarray:
    """(240, 320, 3) uint8 RGB: the middle of the newest frame."""
    mat = sl.Mat()
    assert camera.grab() == sl.ERROR_CODE.SUCCESS
    assert camera.retrieve_image(mat, sl.VIEW.LEFT, sl.MEM.CPU, sl.Resolution(428, 240)) == sl.ERROR_CODE.SUCCESS
    return mat.get_data()[:, 54:374, 2::-1].copy()


@pytest.fixture(scope="module")
def sim() -> SimEnv:
    env = SimEnv("sort_toys")
    env.reset(options={"trial": TRIAL})
    return env


@pytest.fixture
def twin(lockstep_twin):
    lockstep_twin.heal()
    lockstep_twin.reset(TRIAL)
    yield lockstep_twin
    lockstep_twin.heal()


def test_the_same_law_moves_the_arm_as_in_simulation_to_less_than_a_millimetre():
    """A sine at 15 Hz, by torques computed each ms from the state of that ms, as a client does, against SimEnv's actuators."""
    sim, plant, ik = SimEnv("sort_toys", cameras=False), Plant("sort_toys"), IK()
    sim.reset(options={"trial": TRIAL})
    plant.reset(TRIAL)
    stiffness, limit = np.array(STIFFNESS), np.array(TORQUE_LIMIT)
    damping = 2 * np.sqrt(stiffness) * np.array(DAMPING_RATIO)
    pos, mat = ik.pose(plant.joint_pos)
    command = plant.joint_pos.copy()
    for k in range(30):
        command = ik.step(command, pos + 0.05 * np.sin(k / 6) * np.array([1, 1, 0.5]), mat)
        sim.set_full_state(np.r_[sim.full_state()[:-7], command])
        sim_pos, sim_mat = ik.pose(command)
        sim.advance(np.r_[sim_pos, sim_mat[:2].ravel(), 0.0].astype(np.float32))
        for _ in range(ticks_until(k + 1) - ticks_until(k)):
            torque = stiffness * (sim._command - plant.joint_pos) - damping * plant.joint_vel
            plant.drive(np.clip(torque, -limit, limit))
            plant.step()
        assert np.linalg.norm(ik.pose(plant.joint_pos)[0] - sim.world.ee_pos) < 1e-3
        assert np.degrees(np.abs(plant.joint_pos - sim.world.joint_pos).max()) < 0.5
    assert plant.env.control_steps == 30


def test_a_reset_is_the_simulations(twin, sim):
    assert np.allclose(twin.state().joint_pos, sim.world.joint_pos, atol=1e-3)
    other = Trial("sort_toys", 2)
    twin.reset(other)
    assert twin.trial == other
    with pytest.raises(ValueError, match="trial is of env 'hang_cup'"):
        twin.reset(Trial("hang_cup", 0))
    assert twin.state().steps_done == 0  # it serves on


def test_the_cameras_see_the_scene_as_the_simulations_do(twin, sim):
    sl = twin.sl
    frames = sim.observe()["pixels"]
    for name in CAMERAS:
        camera = opened(twin, sl, name)
        difference = np.abs(picture(sl, camera).astype(int) - frames[name])
        assert (difference.max(-1) > 8).mean() < 0.005  # edges: the wider frame's pixels round otherwise
        camera.close()


def test_another_process_sees_through_the_same_cameras_and_after_a_reset_the_new_trial(twin):
    sl = zed.sl(twin.folder)
    camera = opened(twin, sl, "left")
    before = picture(sl, camera)
    twin.reset(Trial("sort_toys", 3))
    time.sleep(0.05)
    assert (picture(sl, camera) != before).mean() > 0.01
    camera.close()


def test_swapped_cameras_give_each_others_picture(twin):
    sl = twin.sl
    left, right = opened(twin, sl, "left"), opened(twin, sl, "right")
    true_left = picture(sl, left)
    twin.inject(faults.CamerasSwapped())
    assert np.abs(picture(sl, right).astype(int) - true_left).mean() < 1.0
    twin.inject(faults.CamerasSwapped())  # back again
    assert np.abs(picture(sl, left).astype(int) - true_left).mean() < 1.0
    for camera in (left, right):
        camera.close()


def test_an_unplugged_camera_is_not_detected_until_it_is_healed_and_opened_again(twin):
    sl, camera = twin.sl, opened(twin, twin.sl, "wrist")
    twin.inject(faults.CameraUnplugged("wrist"))
    assert camera.grab() == sl.ERROR_CODE.CAMERA_NOT_DETECTED
    camera.close()
    twin.heal()
    camera = opened(twin, sl, "wrist")
    assert camera.grab() == sl.ERROR_CODE.SUCCESS
    camera.close()


def test_what_is_not_known_is_refused_before_anything_starts():
    for arguments, message in (
        ({"trial": "sort_toy"}, "unknown env 'sort_toy'; did you mean 'sort_toys'"),
        ({"trial": "sort_toys", "mode": "fast"}, "unknown mode 'fast'"),
        ({"trial": "sort_toys", "robot": "ur5"}, "unknown robot 'ur5'"),
        ({"trial": "sort_toys", "version": 7}, "version 7 of the Franka Control Interface is not served"),
    ):
        with pytest.raises(ValueError, match=message):
            Twin(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown error 'bang'"):
        faults.Reflex(("bang",))
    with pytest.raises(ValueError, match="unknown camera 'top'; expected one of left, right, wrist"):
        faults.CameraFrozen("top")


def test_gated_calls_on_another_twin_and_things_that_are_no_fault_are_refused(twin):
    with pytest.raises(ValueError, match=r"Twin\.step is for mode='gated'; this twin's is 'lockstep'"):
        twin.step()
    with pytest.raises(ValueError, match="is no fault; expected one of Reflex, UserStop"):
        twin.inject("reflex")


def test_a_closed_twin_says_so_and_leaves_nothing_behind():
    with Twin("close_drawer", faults=(faults.CameraUnplugged("left"),)) as twin:
        assert len(twin.sl.Camera.get_device_list()) == 2
        folder, processes = twin.folder, [process for process, _ in twin._processes]
    assert not folder.exists()
    for process in processes:
        with pytest.raises(TwinError, match="has ended with code 0"):
            process.check_alive()
    with pytest.raises(TwinError, match="the twin is closed"):
        twin.reset(Trial("close_drawer", 0))


def test_an_address_that_another_twin_holds_is_an_error_that_says_so(twin):
    with pytest.raises(OSError, match=f"{twin.ip} is in use"):
        Twin("close_drawer", ip=twin.ip)


def test_the_command_serves_until_ctrl_c_and_says_what():
    process = subprocess.Popen(
        [sys.executable, "-m", "sim2real.twin", "env=close_drawer", "robot=panda"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(6)]
    process.send_signal(2)
    assert process.wait(10) == 0
    assert told[0] == "twin of close_drawer, trial 0, real_time\n"
    assert "panda at 127.0.0." in told[1]
    assert "(Franka Control Interface 5)" in told[1]
    assert "/dev/pts/" in told[2]
    assert told[5] == "Ctrl-C ends it.\n"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("env=sort_toy", "did you mean 'sort_toys'"),
        ("task=sort_toys", "unknown option 'task'"),
        ("mode=gated", "gated needs sim2real.twin.Twin"),
        ("trial=one", "trial=one is no number"),
        ("ip=0.0.0.0", "no loopback address"),
        ("env", "write env=value"),
    ],
)
def test_the_command_says_what_was_wrong(argument, message, capsys):
    assert main([argument]) == 2
    assert message in capsys.readouterr().err


def test_the_commands_help_lists_every_option(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("env", "trial", "mode", "robot", "version", "ip"))
