"""The robot's digital twin: a task's own MuJoCo scene behind the wire protocols of arm, gripper and cameras.

    with Twin("sort_toys") as twin:
        robot = franky.Robot(twin.ip, realtime_config=franky.RealtimeConfig.Ignore)
        gripper = pyrobotiqgripper.RobotiqGripper(com_port=twin.gripper_port)
        camera = twin.sl.Camera()

What it proves: unmodified clients (franky, panda-python, pyRobotiqGripper) connect, move, are stopped, fail and recover as a
driver expects; units, frames, orders and clocks agree; the same commands give the simulation's motion; no command that breaks
a published limit is sent unnoticed. What it cannot prove: contact, friction and delay of a real arm (its masses are robosuite's
Panda, for the FR3 too); how far a real controller tolerates limits; a real network and a real-time kernel; firmware, Desk and
brakes; what a ZED's picture looks like. The double of pyzed.sl is no test of a ZED.
"""

from sim2real.twin.arm_process import Delays
from sim2real.twin.faults import Fault
from sim2real.twin.process import TwinError
from sim2real.twin.state_ring import TwinState
from sim2real.twin.twin import Twin

__all__ = ["Delays", "Fault", "Twin", "TwinError", "TwinState"]
