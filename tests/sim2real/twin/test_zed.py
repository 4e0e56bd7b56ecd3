"""The double of pyzed.sl by itself: its strictness, its clock and its faults, over a ring that the test writes."""

from __future__ import annotations

import socket
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from envs.types import CAMERAS
from sim2real.twin import wire, zed, zed_card
from sim2real.twin.state_ring import StateRing
from sim2real.twin.zed_card import CameraCard

CARDS = [CameraCard(11, "left", "ZED 2", 70.0), CameraCard(12, "right", "ZED 2", 70.0), CameraCard(13, "wrist", "ZED Mini", 60.0)]


class Rig:
    """A ring, and optics whose pictures tell the camera and the tick (the first number of the state)."""

    def __init__(self, folder: Path, delay_ms: int = 0):
        self.ring = StateRing(folder / zed_card.STATES, create=True)
        self.tick = -1
        zed_card.write_card(folder, CARDS, delay_ms)
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(folder / zed_card.SOCKET))
        self.door.listen()
        threading.Thread(target=self._serve, daemon=True).start()
        self.sl = zed.sl(folder)

    def _serve(self) -> None:
        while True:
            try:
                pipe = Connection(self.door.accept()[0].detach())
            except OSError:
                return
            threading.Thread(target=self._draw, args=(pipe,), daemon=True).start()

    def _draw(self, pipe: Connection) -> None:
        while True:
            try:
                shot = pipe.recv()
            except (EOFError, OSError):
                return
            picture = np.zeros((shot.height, shot.width, 3), np.uint8)
            picture[..., 0] = CAMERAS.index(shot.camera)
            picture[..., 1] = int(shot.full_state[0]) % 256
            picture[0, 0] = (255, 0, 0)  # red, top left
            pipe.send(picture)

    def run(self, ms: int, mode: int = wire.MODE_IDLE) -> None:
        for _ in range(ms):
            self.tick += 1
            row = self.ring.row(self.tick)
            row["size"], row["robot_mode"], row["stamp_ns"] = 8, mode, 1_000_000 * self.tick
            row["state"][0] = self.tick
            self.ring.publish(self.tick)

    def camera(self, serial: int = 11, **parameters):
        sl = self.sl
        init = sl.InitParameters(depth_mode=sl.DEPTH_MODE.NONE, **{"camera_fps": 30} | parameters)
        init.set_from_serial_number(serial)
        camera = sl.Camera()
        assert camera.open(init) == sl.ERROR_CODE.SUCCESS
        return camera

    def picture(self, camera, mat=None) -> np.ndarray:
        mat = mat or self.sl.Mat()
        assert camera.retrieve_image(mat, self.sl.VIEW.LEFT, self.sl.MEM.CPU, self.sl.Resolution(64, 36)) == self.sl.ERROR_CODE.SUCCESS
        return mat.get_data()


@pytest.fixture
def rig(tmp_path) -> Rig:
    rig = Rig(tmp_path)
    rig.run(100)
    return rig


def test_what_the_sdk_does_not_have_is_an_error_as_in_cython(rig):
    sl = rig.sl
    init = sl.InitParameters()
    with pytest.raises(AttributeError, match=r"'pyzed.sl.InitParameters' object has no attribute 'fps'"):
        init.fps = 30
    with pytest.raises(TypeError, match="Argument is not of RESOLUTION type"):
        init.camera_resolution = "HD720"
    with pytest.raises(TypeError, match="not of int type"):
        sl.InitParameters(camera_fps=30.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'serial'"):
        sl.InitParameters(serial=1)
    with pytest.raises(AttributeError):
        sl.Camera().retrive_image  # noqa: B018
    with pytest.raises(AttributeError):
        sl.Camera().name = "left"
    with pytest.raises(AttributeError, match=r"double of pyzed\.sl has no 'MEASURE'"):
        sl.MEASURE  # noqa: B018


def test_arguments_of_another_class_are_refused(rig):
    camera, sl = rig.camera(), rig.sl
    with pytest.raises(TypeError, match=r"expected pyzed.sl.RuntimeParameters, got dict"):
        camera.grab({})
    with pytest.raises(TypeError, match=r"expected pyzed.sl.Mat, got ndarray"):
        camera.retrieve_image(np.zeros(3))
    with pytest.raises(TypeError, match=r"expected pyzed.sl.VIEW, got str"):
        camera.retrieve_image(sl.Mat(), "LEFT")
    with pytest.raises(TypeError, match="not of MEM type"):
        sl.Mat().get_data("CPU")


def test_the_devices_are_listed_and_each_opens_once(rig):
    sl = rig.sl
    assert [d.serial_number for d in sl.Camera.get_device_list()] == [11, 12, 13]
    assert [d.camera_model for d in sl.Camera.get_device_list()] == [sl.MODEL.ZED2, sl.MODEL.ZED2, sl.MODEL.ZED_M]
    camera = rig.camera(12)
    assert sl.Camera.get_device_list()[1].camera_state == sl.CAMERA_STATE.NOT_AVAILABLE
    init = sl.InitParameters(depth_mode=sl.DEPTH_MODE.NONE)
    init.set_from_serial_number(12)
    assert sl.Camera().open(init) == sl.ERROR_CODE.CANNOT_START_CAMERA_STREAM
    camera.close()
    assert sl.Camera().open(init) == sl.ERROR_CODE.SUCCESS
    init.set_from_serial_number(99)
    assert sl.Camera().open(init) == sl.ERROR_CODE.CAMERA_NOT_DETECTED


def test_depth_is_refused_with_the_remedy(rig):
    with pytest.raises(NotImplementedError, match=r"DEPTH_MODE\.NONE"):
        rig.sl.Camera().open()


def test_an_unopened_camera_gives_nothing(rig):
    sl, camera = rig.sl, rig.sl.Camera()
    assert camera.grab() == sl.ERROR_CODE.CAMERA_NOT_INITIALIZED
    assert camera.retrieve_image(sl.Mat()) == sl.ERROR_CODE.CAMERA_NOT_INITIALIZED
    opened = rig.camera()
    assert opened.retrieve_image(sl.Mat()) == sl.ERROR_CODE.FAILURE  # nothing grabbed yet


def test_a_picture_is_bgra_with_alpha_and_the_next_overwrites_it(rig):
    camera, mat = rig.camera(), rig.sl.Mat()
    camera.grab()
    first = rig.picture(camera, mat)
    assert first.shape == (36, 64, 4)
    assert first[0, 0].tolist() == [0, 0, 255, 255]  # red in BGRA, top left
    seen = first[5, 5, 1]
    rig.run(40)
    camera.grab()
    second = rig.picture(camera, mat)
    assert first is second
    assert first[5, 5, 1] != seen


def test_a_frame_shows_its_own_time_and_none_comes_twice(rig):
    camera = rig.camera()
    camera.grab()
    assert rig.picture(camera)[5, 5, 1] == camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 67
    threading.Timer(0.05, rig.run, (2,)).start()
    assert camera.grab() == rig.sl.ERROR_CODE.SUCCESS  # after a wait, for the frame due at 100 ms
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 100
    rig.run(100)
    camera.grab()
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 200
    assert camera.get_frame_dropped_count() == 2


def test_a_delay_shows_what_was_and_stamps_what_is(tmp_path):
    rig = Rig(tmp_path, delay_ms=40)
    rig.run(150)
    camera = rig.camera()
    camera.grab()
    assert rig.picture(camera)[5, 5, 1] == 100
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 140


@pytest.mark.parametrize(("resolution", "fps", "expected"), [("HD720", 0, 60), ("HD2K", 30, 15), ("VGA", 90, 100)])
def test_an_unsupported_rate_becomes_the_nearest(rig, resolution, fps, expected):
    camera = rig.camera(camera_resolution=rig.sl.RESOLUTION[resolution], camera_fps=fps)
    assert camera.get_current_fps() == expected


def test_no_picture_is_larger_than_the_stream(rig):
    sl, camera = rig.sl, rig.camera(camera_resolution=rig.sl.RESOLUTION.VGA)
    camera.grab()
    assert camera.retrieve_image(sl.Mat(), sl.VIEW.LEFT, sl.MEM.CPU, sl.Resolution(1280, 720)) == sl.ERROR_CODE.INVALID_RESOLUTION
    mat = sl.Mat()
    camera.retrieve_image(mat)
    assert (mat.get_width(), mat.get_height(), mat.get_channels()) == (672, 376, 4)


def test_the_calibration_has_the_published_field_of_view_at_every_size(rig):
    camera = rig.camera()
    lens = camera.get_camera_information().camera_configuration.calibration_parameters.left_cam
    assert lens.fy == pytest.approx(360 / np.tan(np.radians(35)))
    assert (lens.cx, lens.cy) == (639.5, 359.5)
    small = camera.get_camera_information(rig.sl.Resolution(640, 360)).camera_configuration.calibration_parameters.left_cam
    assert (small.fx, small.fy) == pytest.approx((lens.fx / 2, lens.fy / 2))
    assert not lens.disto.any()


def test_upside_down_is_turned(rig):
    camera = rig.camera(camera_image_flip=rig.sl.FLIP_MODE.ON)
    camera.grab()
    assert rig.picture(camera)[-1, -1].tolist() == [0, 0, 255, 255]


def test_an_unplugged_camera_is_gone_until_it_is_opened_anew(rig):
    sl, camera = rig.sl, rig.camera()
    rig.ring.header["unplugged"][0] |= 1
    assert camera.grab() == sl.ERROR_CODE.CAMERA_NOT_DETECTED
    assert [d.serial_number for d in sl.Camera.get_device_list()] == [12, 13]
    rig.ring.heal()
    rig.run(50)
    assert camera.grab() == sl.ERROR_CODE.CAMERA_NOT_DETECTED
    camera.close()
    assert rig.camera().grab() == sl.ERROR_CODE.SUCCESS


def test_a_frozen_camera_repeats_its_frame_and_its_time_stamp(rig):
    camera = rig.camera()
    camera.grab()
    before = rig.picture(camera).copy()
    rig.ring.header["frozen"][0] = 1
    rig.run(100)
    assert camera.grab() == rig.sl.ERROR_CODE.SUCCESS
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 67
    assert np.array_equal(rig.picture(camera), before)
    rig.ring.heal()
    rig.run(40)
    camera.grab()
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() > 67


def test_a_late_frame_tells_its_age(rig):
    rig.run(200)
    rig.ring.header["late"][0] = 150
    camera = rig.camera()
    camera.grab()
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 134  # the newest before 299 - 150


def test_swapped_cameras_show_each_others_view(rig):
    rig.ring.header["view"] = [1, 0, 2]
    left, right = rig.camera(11), rig.camera(12)
    for camera, seen in ((left, 1), (right, 0)):
        camera.grab()
        assert rig.picture(camera)[5, 5, 2] == seen


def test_at_the_gate_each_motion_step_gives_one_frame_of_that_moment(rig):
    camera, header = rig.camera(), rig.ring.header
    camera.grab()
    header["held"] = 1
    rig.run(31, wire.MODE_MOVE)  # no gate yet: no frame, though one would be due
    header["gate"], header["at_gate"] = 1, 1
    assert camera.grab() == rig.sl.ERROR_CODE.SUCCESS
    assert camera.get_timestamp(rig.sl.TIME_REFERENCE.IMAGE).get_milliseconds() == 130
    done = threading.Event()
    threading.Thread(target=lambda: (camera.grab(), done.set()), daemon=True).start()
    assert not done.wait(0.1)
    header["gate"] = 2
    assert done.wait(1.0)


def test_a_twin_that_is_gone_is_a_camera_that_is_not_detected(rig, monkeypatch):
    monkeypatch.setattr(zed, "SILENCE_S", 0.05)
    camera = rig.camera()
    camera.grab()
    assert camera.grab() == rig.sl.ERROR_CODE.CAMERA_NOT_DETECTED


def test_a_state_that_is_no_longer_kept_is_said_so(rig):
    rig.run(600)
    with pytest.raises(LookupError, match="tick 100 is not kept; the newest is 699"):
        rig.ring.read(100)
    assert rig.ring.read().tick == 699
