"""What a registration.csv and its transform are refused for, and by which code."""

from __future__ import annotations

import os

import numpy as np
import pytest
from kept_runs import KeptCase, recorded
from synthetic_registration import GRID, motion

from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.recorded import Imaged, read_registrations
from biomarker_cli.registration.transform_files import write_tfm
from biomarker_cli.tables.errors import TableError

ONE, OTHER = KeptCase("A/S1/T1/ct", GRID), KeptCase("A/S1/T2/ct", GRID, frame="1.2.2")
ENDS = tuple(Imaged(case.series, case.frame) for case in (ONE, OTHER))


@pytest.fixture
def table(tmp_path):
    return tmp_path / "there", recorded(tmp_path / "there", ONE, OTHER, motion())


def _refused(*named) -> RegistrationError:
    with pytest.raises((RegistrationError, TableError)) as caught:
        read_registrations([str(one) for one in named])
    return caught.value


def test_a_link_is_the_inverse_in_the_other_direction(table):
    found = read_registrations([table[1]])
    there, back = found.link(*ENDS), found.link(*ENDS[::-1])
    assert np.abs(there.matrix - motion()).max() < 1e-12
    assert np.abs(there.matrix @ back.matrix - np.eye(4)).max() < 1e-12
    assert there.registration_id == "rigid@1.0.0:there"
    assert np.array_equal(found.link(ENDS[0], ENDS[0]).matrix, np.eye(4))


def test_a_pair_that_nobody_registered_has_no_link(table):
    third = Imaged("1.2.3", "1.2.1")
    found = read_registrations([table[1]])
    for one, other in [(ENDS[0], third), (Imaged("", ""), Imaged("", ""))]:
        with pytest.raises(RegistrationError) as caught:
            found.link(one, other)
        assert caught.value.code == "REGISTRATION-NOT-NAMED"
    assert read_registrations(["none"]).link(ENDS[0], third).registration_id == "none"


def test_two_runs_of_one_registration_that_differ_are_two(table, tmp_path):
    again = tmp_path / "again"
    named = recorded(again, ONE, OTHER, motion((1, 2, 3)), registration_id="rigid@1.0.0:there")
    with pytest.raises(RegistrationError) as caught:
        read_registrations([table[1], named]).link(*ENDS)
    assert caught.value.code == "REGISTRATION-AMBIGUOUS"


def test_the_worst_of_the_rois_decides(table):
    path = table[0] / "registration.csv"
    head, row = path.read_text().splitlines()
    names = head.split(",")
    cells = row.split(",")
    cells[names.index("roi_id")], cells[names.index("status")] = "GTV", "review"
    path.write_text("\n".join([head, row, ",".join(cells)]) + "\n")
    with pytest.raises(RegistrationError) as caught:
        read_registrations([table[1]]).link(*ENDS)
    assert caught.value.code == "REGISTRATION-NOT-TAKEN"
    assert "asks for a person" in caught.value.message


@pytest.mark.parametrize(
    "more",
    [
        {"matrix": "1 0 0 0 0 1 0 0 0 0 1 0"},
        {"matrix": None},
        {"matrix": "1 2 x"},
        {"matrix": " ".join(["nan"] * 12)},
        {"transform_file": ""},
        {"transform_file": "../there/transform.tfm"},
        {"transform_file": "other.tfm"},
        {"fixed_series_uid": ""},
        {"moving_series_uid": ONE.series},
        {"registration_id": ""},
    ],
)
def test_a_row_that_no_registration_writes_is_refused(tmp_path, more):
    named = recorded(tmp_path / "there", ONE, OTHER, motion(), **more)
    assert _refused(named).code == "REGISTRATION-FILE"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"#Insight Transform File V1.0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 1 0 0 0 1 0 0 0 nan 0 0 0\nFixedParameters: 0 0 0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 1 0 0 0 1 0 0 0 -1 0 0 0\nFixedParameters: 0 0 0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 0 0 0 0 0 0 0 0 0 0 0 0\nFixedParameters: 0 0 0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 1 0 0 0 1 0 0 0 1 0 0\nFixedParameters: 0 0 0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 1 0 0 0 1 0 0 0 1 0 0 \x1b[31m\nFixedParameters: 0 0 0\n",
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: " + b"1 " * 1_000_000,
    ],
)
def test_a_damaged_transform_is_refused(table, content):
    (table[0] / "transform.tfm").write_bytes(content)
    error = _refused(table[1])
    assert error.code == "REGISTRATION-TRANSFORM"
    assert "\x1b" not in str(error.message)


def test_a_transform_of_another_registration_is_noticed(table):
    """Also one that differs by its shift alone."""
    shifted = motion()
    shifted[0, 3] += 20.0
    for matrix in (motion((1, 2, 3), (1, 1, 1)), shifted):
        write_tfm(matrix, np.zeros(3), table[0] / "transform.tfm")
        assert "not the transform" in _refused(table[1]).message


def test_a_pipe_in_place_of_a_transform_does_not_wait(table):
    (table[0] / "transform.tfm").unlink()
    os.mkfifo(table[0] / "transform.tfm")
    assert _refused(table[1]).code == "REGISTRATION-FILE"


def test_files_that_are_no_table_are_refused_by_name(tmp_path, table):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "head.csv").write_text((table[0] / "registration.csv").read_text().splitlines()[0])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert _refused(tmp_path / "absent.csv").code == "TABLE-NOT-FOUND"
    assert _refused(tmp_path / "other.csv").code == "TABLE-COLUMNS"
    assert _refused(tmp_path / "empty.csv").code in {"TABLE-COLUMNS", "TABLE-UNREADABLE"}
    assert _refused(tmp_path / "head.csv").code == "REGISTRATION-FILE"
    assert _refused(tmp_path).code == "REGISTRATION-FILE"
