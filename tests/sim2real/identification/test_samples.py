"""The motion log keeps what it is given, and refuses what makes no sense."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim2real.identification.samples import Sampler, Samples


def fill(logger: Sampler, n: int) -> None:
    for i in range(n):
        logger.sample(0.01 * i, 0.0, np.full(7, i), np.full(7, i + 0.5), np.zeros(7), gripper_target=1.0)


def test_a_log_comes_back_as_it_was_written(tmp_path):
    with Sampler(tmp_path / "a/log.parquet", {"robot": "fr3"}) as logger:
        fill(logger, 3)
    log = Samples.read(tmp_path / "a/log.parquet")
    assert log.meta == {"robot": "fr3"}
    np.testing.assert_array_equal(log.joint_target[:, 6], [0, 1, 2])
    np.testing.assert_array_equal(log.joint_pos[2], np.full(7, 2.5))
    assert np.isnan(log.joint_torque).all()
    assert np.isnan(log.gripper_closed).all()
    assert (log.gripper_target == 1).all()


def test_what_was_logged_before_an_error_is_kept(tmp_path):
    def stopped_by_a_reflex():
        with Sampler(tmp_path / "log.parquet") as logger:
            fill(logger, 5)
            raise RuntimeError("reflex")

    with pytest.raises(RuntimeError, match="reflex"):
        stopped_by_a_reflex()
    assert len(Samples.read(tmp_path / "log.parquet").time) == 5


def test_a_log_of_nothing_leaves_no_file(tmp_path):
    with Sampler(tmp_path / "log.parquet"):
        pass
    assert not (tmp_path / "log.parquet").exists()


def test_what_makes_no_sense_is_refused(tmp_path):
    logger = Sampler(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="a sample has 31 values, expected 4 and 4 times 7"):
        logger.sample(0.0, 0.0, np.zeros(7), np.zeros(7), np.zeros(6))
    fill(logger, 3)
    log = logger.log()
    with pytest.raises(ValueError, match="does not rise"):
        replace(log, time=log.time[::-1])
    with pytest.raises(ValueError, match="target_time runs backwards or ahead"):
        replace(log, target_time=log.time + 1)
    with pytest.raises(ValueError, match=r"joint_pos has shape \(2, 7\), expected \(3, 7\)"):
        replace(log, joint_pos=log.joint_pos[:2])
    (tmp_path / "text").write_text("text")
    with pytest.raises(ValueError, match="holds no motion samples"):
        Samples.read(tmp_path / "text")
