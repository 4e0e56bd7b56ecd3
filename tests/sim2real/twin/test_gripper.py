"""The gripper's registers, over a gripper that moves towards its target at a fixed speed until something is in the way."""

from __future__ import annotations

import pytest

from sim2real.twin.gripper import ACTIVATION_MS, CLOSED_COUNT, OPEN_COUNT, Gripper

ACTIVATE, GO = 0x0100, 0x0900


class FakePlant:
    def __init__(self, blocked_at: float = 1.0):
        self.closed, self.speed, self.blocked_at = 0.0, 0.0, blocked_at
        self.force, self.target = 1.0, 0.0
        self.gripper_effort = 0.5

    @property
    def gripper(self):
        return self.closed, self.speed

    def close_gripper(self, closed: float, force: float) -> None:
        self.force, self.target = force, closed
        before = self.closed
        self.closed = min(self.closed + max(-0.005, min(0.005, closed - self.closed)), self.blocked_at)
        self.speed = (self.closed - before) / 1e-3


def made(blocked_at: float = 1.0, real_speed: bool = False) -> tuple[Gripper, FakePlant]:
    plant = FakePlant(blocked_at)
    return Gripper(plant, real_speed), plant  # type: ignore[arg-type]


def after(gripper: Gripper, ms: int) -> tuple[int, int, int, int]:
    """gACT, gSTA, gOBJ, gPO after so many ms."""
    for _ in range(ms):
        gripper.tick(moves=True)
    status, _, position = gripper.read(2000, 3)
    return status >> 8 & 1, status >> 12 & 3, status >> 14 & 3, position >> 8


def activated(blocked_at: float = 1.0, real_speed: bool = False) -> tuple[Gripper, FakePlant]:
    gripper, plant = made(blocked_at, real_speed)
    gripper.write(1000, [GO, 0, 0xFFFF])
    after(gripper, ACTIVATION_MS)
    return gripper, plant


def test_activation_takes_its_time_and_a_reset_undoes_it():
    gripper, _ = made()
    assert after(gripper, 5) == (0, 0, 0, OPEN_COUNT)
    gripper.write(1000, [ACTIVATE])
    assert after(gripper, ACTIVATION_MS - 1)[:2] == (1, 1)
    assert after(gripper, 1)[:2] == (1, 3)
    gripper.write(1000, [0])
    assert after(gripper, 1)[:2] == (0, 0)


def test_moving_before_activation_is_a_fault_and_moves_nothing():
    gripper, plant = made()
    gripper.write(1000, [0x0800, 255, 0xFFFF])
    after(gripper, 500)
    assert gripper.read(2001, 1)[0] >> 8 == 0x07
    assert plant.closed == 0.0


def test_it_closes_on_nothing_and_says_that_it_is_there():
    gripper, _ = activated()
    gripper.write(1001, [255])
    assert after(gripper, 50)[2] == 0
    assert after(gripper, 300)[2:] == (3, CLOSED_COUNT)
    assert gripper.read(2001, 1)[0] & 0xFF == 255  # the request's echo


def test_it_stops_at_a_thing_and_says_so_until_it_is_told_otherwise():
    gripper, plant = activated(blocked_at=0.5)
    gripper.write(1001, [255])
    assert after(gripper, 300)[2:] == (2, round(3 + 227 * 0.5))
    gripper.write(1001, [0])
    assert after(gripper, 1)[2] == 0
    assert after(gripper, 300)[2:] == (3, OPEN_COUNT)
    assert plant.closed == pytest.approx(0.0)


def test_without_go_it_stays():
    gripper, plant = made()
    gripper.write(1000, [ACTIVATE, 255, 0xFFFF])
    after(gripper, 1000)
    assert plant.closed == 0.0


def test_the_2f85s_slowest_takes_4_seconds_and_its_fastest_half_a_second():
    for speed, seconds in ((0x00FF, 85 / 20), (0xFFFF, 85 / 150)):
        gripper, plant = activated(real_speed=True)
        gripper.write(1001, [255, speed])
        after(gripper, round(1000 * seconds) - 20)
        assert plant.target < 1.0
        after(gripper, 40)
        assert plant.target == pytest.approx(1.0)


def test_without_the_real_speed_the_target_is_taken_at_once_as_in_simulation():
    gripper, plant = activated()
    gripper.write(1001, [255, 0x00FF])
    after(gripper, 1)
    assert plant.target == 1.0


def test_the_force_byte_spans_the_published_forces():
    gripper, plant = activated()
    gripper.write(1002, [0xFF00])
    after(gripper, 1)
    assert plant.force == pytest.approx(20 / 235)
    gripper.write(1002, [0xFFFF])
    after(gripper, 1)
    assert plant.force == pytest.approx(1.0)


def test_while_nothing_moves_a_new_target_is_not_taken_for_a_thing_in_the_way():
    gripper, _ = activated()
    gripper.write(1001, [255])
    for _ in range(500):
        gripper.tick(moves=False)
    assert gripper.read(2000, 1)[0] >> 14 & 3 == 0


@pytest.mark.parametrize("delay_ms", [0, 40])
def test_what_is_asked_has_its_effect_after_the_delay(delay_ms):
    plant = FakePlant()
    gripper = Gripper(plant, False, delay_ms)  # type: ignore[arg-type]
    gripper.write(1000, [GO, 0, 0xFFFF])
    after(gripper, ACTIVATION_MS + delay_ms)
    gripper.write(1001, [255])
    after(gripper, delay_ms)
    assert plant.closed == 0.0
    after(gripper, 1)
    assert plant.closed > 0.0
