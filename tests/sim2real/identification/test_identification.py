"""Hidden parameters are found from a noisy log, and the simulation then moves like it where nothing was fitted."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from envs.ik import MAX_JOINT_STEP
from envs.robot import HOME_QPOS, robot_spec
from sim2real.identification import dynamics, report
from sim2real.identification.__main__ import main
from sim2real.identification.dynamics import arm_model, gripper_model, nominal
from sim2real.identification.excitation import Excitation, excitation
from sim2real.identification.fit import ARM_PARAMETERS, fit, gripper_error, tracking_error
from sim2real.identification.samples import Samples
from sim2real.identification.simulate import simulate_arm, step_targets
from sim2real.identification.synthetic import hidden_dynamics, record
from sim2real.motion_log import MotionLog, MotionRow


@pytest.fixture(scope="module")
def hidden():
    return hidden_dynamics(np.random.default_rng(3))


@pytest.fixture(scope="module")
def log(hidden):
    rng = np.random.default_rng(3)
    return record(hidden, excitation(9, rng), rng)


@pytest.fixture(scope="module")
def found(log):
    return fit(log)


def test_the_parameters_of_every_joint_are_found_within_5_percent(found, hidden):
    for name in ARM_PARAMETERS:
        np.testing.assert_allclose(getattr(found.dynamics, name), getattr(hidden, name), rtol=0.05, err_msg=name)


def test_the_delays_and_the_gripper_s_speed_are_found_within_5_percent(found, hidden):
    assert found.dynamics.delay_s == pytest.approx(hidden.delay_s, rel=0.05)
    assert found.dynamics.gripper_delay_s == pytest.approx(hidden.gripper_delay_s, rel=0.05)
    assert found.dynamics.gripper_damping == pytest.approx(hidden.gripper_damping, rel=0.05)


def test_tracking_improves_to_the_noise_where_nothing_was_fitted(found, log):
    before, after = tracking_error(nominal(), log), tracking_error(found.dynamics, log)
    assert (before > 1e-3).all()
    assert (after < 1e-4).all()
    assert gripper_error(found.dynamics, log) < 0.1 * gripper_error(nominal(), log)


def test_an_environment_s_log_of_a_row_per_control_step_is_read_as_samples(log, tmp_path):
    unknown, rows = np.full(10, np.nan), []
    for i in range(0, len(log.time) - 7, 7):
        sample = log.joint_target[i], log.joint_pos[i + 7], log.joint_vel[i + 7]
        rows.append(MotionRow(log.time[i], log.time[i + 7], unknown, unknown, unknown, *sample, np.zeros(7), 1.0, i / 7, np.zeros(3)))
    MotionLog.of(rows).save(tmp_path / "trial.parquet")
    samples = Samples.read(tmp_path / "trial.parquet")
    np.testing.assert_array_equal(samples.target_time, log.time[0:-7:7])
    np.testing.assert_array_equal(samples.time, log.time[7::7][: len(rows)])
    np.testing.assert_array_equal(samples.joint_pos[3], log.joint_pos[28])
    assert np.isnan(samples.joint_torque).all()
    assert np.isnan(samples.gripper_closed).all()  # it may have held something


def test_the_report_says_both_and_needs_no_other_file(found, hidden):
    page = report.page(found, "log", "command", hidden)
    assert page.count("<svg") == 15
    assert not re.findall(r"(?:src|href)='(?!data:)", page)
    assert len(report.error_table(found)) == 9


def test_the_right_parameters_predict_a_log_of_another_timestep_better_than_the_usual_ones(hidden):
    rng = np.random.default_rng(4)
    fine = record(hidden, excitation(8, rng), rng, timestep=0.001)
    assert (tracking_error(hidden, fine) < 0.2 * tracking_error(nominal(), fine)).all()


def test_a_target_that_comes_within_a_step_has_a_share_of_it():
    means = step_targets(np.array([0.0, 1.25]), np.array([[0.0], [4.0]]), np.arange(4.0))
    np.testing.assert_allclose(means, [[0], [3], [4]])


def test_a_delay_shifts_the_motion():
    motion = Excitation(HOME_QPOS + np.r_[np.zeros((15, 7)), np.full((45, 7), 0.05)], np.zeros(60))
    log = record(nominal(), motion, np.random.default_rng(0))
    prompt, late = (simulate_arm(arm_model(), replace(nominal(), delay_s=d), log).joint_pos for d in (0.0, 0.05))
    np.testing.assert_allclose(late[5:], prompt[:-5], atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_an_excitation_starts_and_ends_at_home_and_keeps_the_arm_s_limits(seed):
    motion = excitation(12, np.random.default_rng(seed))
    np.testing.assert_allclose(motion.joint_target[[0, -1]], [HOME_QPOS, HOME_QPOS])
    assert np.abs(np.diff(motion.joint_target, axis=0)).max() <= MAX_JOINT_STEP
    assert np.ptp(motion.joint_target, axis=0).min() > 0.1
    assert set(motion.gripper_target) == {0.0, 1.0}
    model = robot_spec().compile()
    data = mujoco.MjData(model)
    for q in motion.joint_target[::5]:
        data.qpos[:7] = q
        mujoco.mj_kinematics(model, data)
        assert min(data.xpos[model.body("robotiq_85_adapter_link").id :, 2]) > 0.05


def test_an_arm_without_its_gripper_s_joints_weighs_the_same():
    whole, arm, gripper = robot_spec().compile(), arm_model(), gripper_model()
    assert (arm.nu, arm.nv, gripper.nu) == (7, 7, 1)
    assert arm.body_mass.sum() == pytest.approx(whole.body_mass.sum())


def test_dynamics_applied_to_the_whole_robot_change_its_arm_and_its_gripper(hidden):
    model = robot_spec().compile()
    nominal().apply(model)
    np.testing.assert_array_equal(model.actuator_biasprm, robot_spec().compile().actuator_biasprm)
    hidden.apply(model)
    np.testing.assert_allclose(model.actuator_gainprm[:7, 0], hidden.stiffness)
    np.testing.assert_allclose(model.dof_armature[:7], hidden.armature)
    assert model.actuator("gripper").biasprm[2] == -hidden.gripper_damping


def test_a_log_that_shows_nothing_is_refused(log):
    still = replace(log, joint_pos=np.tile(log.joint_pos[0], (len(log.time), 1)))
    with pytest.raises(ValueError, match=r"joint 1 moves by 0\.000 rad"):
        fit(still)


def test_dynamics_come_back_from_their_file(tmp_path, hidden):
    hidden.write(tmp_path / "dynamics.json")
    assert dynamics.read(tmp_path / "dynamics.json") == hidden
    (tmp_path / "dynamics.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no dynamics"):
        dynamics.read(tmp_path / "dynamics.json")


def test_the_commands_write_what_they_say(tmp_path, capsys):
    assert main(["excite", f"out={tmp_path}/e.csv", "seconds=8"]) == 0
    assert np.loadtxt(tmp_path / "e.csv", delimiter=",", skiprows=1).shape == (120, 9)
    assert main(["simulate", f"out={tmp_path}/log.parquet", "seconds=8"]) == 0
    assert set(json.loads((tmp_path / "truth.json").read_text())) >= set(ARM_PARAMETERS)
    assert f"fit log={tmp_path}/log.parquet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["fitt"], "unknown command 'fitt'; did you mean 'fit'"),
        (["excite", "second=3"], "'second=3' is no option; did you mean 'seconds='"),
        (["excite", "seconds=3"], "an excitation of 3 s; expected at least 8"),
        (["fit", "log=nowhere.parquet"], "nowhere.parquet holds no motion samples"),
    ],
)
def test_a_mistaken_command_is_told_in_a_message(argv, message, capsys):
    assert main(argv) == 2
    assert message in capsys.readouterr().err
