"""The Robotiq 2F-85's registers over the scene's gripper.

Source: Robotiq 2F-85 instruction manual, section 4 (registers, status bits, faults; position 3 open - 230 closed in use, 20 to
150 mm/s, 20 to 235 N). Unlike the real one, the jaws do not sweep when the gripper is activated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sim2real.twin.plant import Plant

OUTPUT, INPUT = 1000, 2000  # first registers: what is asked, what is so
OPEN_COUNT, CLOSED_COUNT = 3, 230
OPENING_MM = 85.0
SLOWEST_MM_S, FASTEST_MM_S = 20.0, 150.0
WEAKEST_N, STRONGEST_N = 20.0, 235.0
ACTIVATION_MS = 300
STALL_MS, STALL_SPEED = 60, 0.05  # for so long slower than that (share of the stroke per s): it has been stopped
AT_GOAL = 5  # counts, 1.9 mm
MAX_CURRENT = 100  # of gCU, in 10 mA
ACTIVATE_FIRST = 0x07
MOVING, STOPPED_OPENING, STOPPED_CLOSING, AT_POSITION = range(4)  # gOBJ


class Gripper:
    """`real_speed`: the jaws move at the 2F-85's speeds; otherwise as fast as in simulation, whatever speed is asked for.

    `delay_ticks`: ms from what is asked to the motor's first answer.
    """

    def __init__(self, plant: Plant, real_speed: bool, delay_ticks: int = 0):
        self.plant, self.real_speed, self.delay_ticks = plant, real_speed, delay_ticks
        self.asked = [0, 0, 0]
        self._active_ms = 0
        self.reset()

    def reset(self) -> None:
        """The scene's gripper is open again; activation lasts."""
        self.object_status = AT_POSITION
        self._target, self._still_ms = 0.0, 0
        self._goals = deque([0.0] * self.delay_ticks)  # that were asked and have no effect yet
        self.asked[1] = 0

    @property
    def activated(self) -> bool:
        """Whether it takes positions."""
        return bool(self.asked[0] & 0x0100)

    @property
    def ready(self) -> bool:
        """Whether activation is over."""
        return self.activated and self._active_ms >= ACTIVATION_MS

    @property
    def goal(self) -> float:
        """Where it is told to go, 0 open - 1 closed."""
        count = min(max(self.asked[1] & 0xFF, OPEN_COUNT), CLOSED_COUNT)
        return (count - OPEN_COUNT) / (CLOSED_COUNT - OPEN_COUNT)

    def write(self, address: int, values: Sequence[int]) -> None:
        """Take registers; those that the gripper does not have are ignored, as by the real one."""
        for i, value in enumerate(values, address - OUTPUT):
            if 0 <= i < len(self.asked):
                self.asked[i] = value
        self._still_ms = 0
        self.object_status = AT_POSITION if self._at_goal() else MOVING

    def read(self, address: int, count: int) -> list[int]:
        """The registers from `address` on; 0 where there is none."""
        closed, _ = self.plant.gripper
        position = round(OPEN_COUNT + closed * (CLOSED_COUNT - OPEN_COUNT))
        state = 3 if self.ready else 1 if self.activated else 0
        status = (self.asked[0] >> 8) & 0b1001 | state << 4 | (self.object_status << 6 if self.ready else 0)
        fault = ACTIVATE_FIRST if self.asked[0] & 0x0800 and not self.activated else 0
        current = round(self.plant.gripper_effort * MAX_CURRENT)
        told = [status << 8, fault << 8 | self.asked[1] & 0xFF, min(max(position, 0), 255) << 8 | current]
        registers = dict(enumerate(told, INPUT)) | dict(enumerate(self.asked, OUTPUT))
        return [registers.get(address + i, 0) for i in range(count)]

    def tick(self, moves: bool) -> None:
        """A millisecond passes; `moves`: for the scene, too."""
        self._active_ms = self._active_ms + 1 if self.activated else 0
        if not (moves and self.ready and self.asked[0] & 0x0800):
            return
        speed, force = self.asked[2] >> 8, self.asked[2] & 0xFF
        step = 1.0
        if self.real_speed:
            step = (SLOWEST_MM_S + (FASTEST_MM_S - SLOWEST_MM_S) * speed / 255) / OPENING_MM * 1e-3
        self._goals.append(self.goal)
        self._target += min(max(self._goals.popleft() - self._target, -step), step)
        newtons = WEAKEST_N + (STRONGEST_N - WEAKEST_N) * force / 255
        self.plant.close_gripper(self._target, newtons / STRONGEST_N)
        closed, speed_now = self.plant.gripper
        if self._at_goal():
            self.object_status = AT_POSITION
        elif self.object_status in (MOVING, AT_POSITION):
            self._still_ms = self._still_ms + 1 if abs(speed_now) < STALL_SPEED else 0
            stopped = STOPPED_CLOSING if self.goal > closed else STOPPED_OPENING
            self.object_status = stopped if self._still_ms >= STALL_MS else MOVING

    def _at_goal(self) -> bool:
        return abs(self.plant.gripper[0] - self.goal) * (CLOSED_COUNT - OPEN_COUNT) <= AT_GOAL
