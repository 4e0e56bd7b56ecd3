from __future__ import annotations

import struct

import pytest

from sim2real.twin.wire import DIALECTS, ERRORS, HEADER

# (version, field) -> byte offset, as libfranka of that version reads it.
OFFSETS = {
    (10, "O_T_EE"): 8, (10, "q"): 596, (10, "tau_ext_hat_filtered"): 840, (10, "O_ddP_O"): 940, (10, "theta"): 1088,
    (10, "motion_generator_mode"): 1288, (10, "errors"): 1290, (10, "robot_mode"): 1372,
    (5, "O_T_EE_d"): 136, (5, "q"): 1184, (5, "dtheta"): 2224, (5, "errors"): 2282, (5, "control_command_success_rate"): 2365,
}  # fmt: skip


@pytest.mark.parametrize(("version", "state", "command"), [(5, 2373, 370), (9, 2373, 371), (10, 1377, 371)])
def test_packets_have_the_size_that_each_version_of_libfranka_expects(version, state, command):
    assert DIALECTS[version].state.itemsize == state
    assert DIALECTS[version].command.size == command


@pytest.mark.parametrize(("version", "field"), OFFSETS)
def test_a_field_lies_where_libfranka_looks_for_it(version, field):
    fields = DIALECTS[version].state.fields
    assert fields is not None
    assert fields[field][1] == OFFSETS[version, field]


def test_the_commands_that_moved_between_versions_have_their_numbers():
    numbers = {v: {name: i for i, name in enumerate(d.commands)} for v, d in DIALECTS.items()}
    assert [numbers[v]["recover"] for v in (5, 9, 10)] == [12, 10, 10]
    assert numbers[10]["get_robot_model"] == 11
    assert numbers[9] == numbers[10] | {"load_model": 11, "get_robot_model": 12}
    assert numbers[5]["load_model"] == 13


def test_an_unknown_command_number_is_refused_with_what_there_is():
    with pytest.raises(ValueError, match="command 12 is none of version 10, whose last is 11"):
        DIALECTS[10].name(12)


def test_a_reply_names_its_request_and_the_versions_status():
    reply = DIALECTS[10].reply("move", 7, "reflex aborted")
    assert HEADER.unpack_from(reply) == (1, 7, 13)
    assert reply[12] == 8
    assert DIALECTS[5].reply("move", 7, "reflex aborted")[12] == 6


@pytest.mark.parametrize("version", [5, 10])
def test_a_command_is_read_field_by_field(version):
    dialect = DIALECTS[version]
    values = [99, *range(38), True, False, *range(100, 107)] + ([True] if version == 10 else [])
    command = dialect.decode(dialect.command.pack(*values))
    assert command is not None
    assert (command.message_id, command.joint_pos[0], command.joint_vel[0], command.ee_pose[0]) == (99, 0.0, 7.0, 14.0)
    assert (command.ee_twist[0], command.elbow, command.torque[0]) == (30.0, (36.0, 37.0), 100.0)
    assert command.elbow_valid
    assert command.finished == (version == 10)  # its torque_command_finished, which version 5 does not have


def test_a_datagram_of_another_size_is_no_command():
    assert DIALECTS[10].decode(struct.pack("<Q", 1)) is None
    assert DIALECTS[10].decode(bytes(370)) is None


def test_the_errors_have_their_published_bits():
    assert len(ERRORS) == 41
    assert [ERRORS.index(e) for e in ("cartesian_reflex", "communication_constraints_violation", "tau_J_range_violation")] == [
        7, 25, 34
    ]  # fmt: skip
