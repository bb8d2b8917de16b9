"""Transforms as DICOM Spatial Registration objects: there and back, and which way."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeformableSpatialRegistrationStorage, SegmentationStorage
from synthetic_registration import motion

from biomarker_cli.api.images import read_volume
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.model.errors import CaseError
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.registration.anatomy import transformed
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.given_transforms import read_transform
from biomarker_cli.registration.pairs import frame_of_reference_of
from biomarker_cli.registration.spatial_objects import write_spatial_registration

KEPT = OutgoingIdentity()
POINTS = np.array([[0.0, 0.0, 0.0], [120.0, -80.0, 400.0], [-60.0, 30.0, -900.0]])


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return tuple(_volume(tmp_path_factory.mktemp(name), name) for name in ("first", "second"))


def _volume(folder, name):
    grid = ObjectGrid((3, 4, 4), (1.0, 1.0, 2.0))
    write_ct(folder, grid, np.arange(48).reshape(3, 4, 4), Subject(name))
    return read_volume(folder)


def _written(pair, path, identity=KEPT):
    write_spatial_registration(motion(), *pair, path, identity, "rigid@1.0.0:0123")
    return dcmread(path)


def _read(path, pair, identity=KEPT):
    frames = [identity.uid(frame_of_reference_of(one)) for one in pair]
    return read_transform(path, *frames)


def _code(path, pair):
    with pytest.raises(RegistrationError) as caught:
        _read(path, pair)
    return caught.value.code


@pytest.mark.parametrize("identity", [KEPT, OutgoingIdentity("S-1", UidMap(b"k" * 32))])
def test_round_trip_is_exact_within_a_nanometre(pair, tmp_path, identity):
    _written(pair, tmp_path / "a.dcm", identity)
    found = _read(tmp_path / "a.dcm", pair, identity)
    apart = transformed(found, POINTS) - transformed(motion(), POINTS)
    assert np.abs(apart).max() < 1e-6


def test_the_object_leads_moving_points_into_the_fixed_frame_as_itk_undoes(pair, tmp_path):
    import SimpleITK

    written = _written(pair, tmp_path / "a.dcm")
    item = written.RegistrationSequence[1]
    assert item.FrameOfReferenceUID == frame_of_reference_of(pair[1])
    assert written.FrameOfReferenceUID == frame_of_reference_of(pair[0])
    said = item.MatrixRegistrationSequence[0].MatrixSequence[0]
    into = np.reshape([float(one) for one in said.FrameOfReferenceTransformationMatrix], (4, 4))
    forward = SimpleITK.AffineTransform(3)
    forward.SetMatrix(motion()[:3, :3].ravel().tolist())
    forward.SetTranslation(motion()[:3, 3].tolist())
    for point in POINTS:
        there = forward.TransformPoint(point.tolist())
        assert into[:3, :3] @ there + into[:3, 3] == pytest.approx(point, abs=1e-6)
        wrong = into[:3, :3] @ point + into[:3, 3]
        assert np.linalg.norm(wrong - there) > 10


def test_what_scales_is_not_called_rigid(pair, tmp_path):
    stretched = motion() @ np.diag([1.1, 1.0, 0.95, 1.0])
    write_spatial_registration(stretched, *pair, tmp_path / "a.dcm", KEPT, "none@1.0.0:0123")
    own, other = dcmread(tmp_path / "a.dcm").RegistrationSequence
    kinds = [
        one.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrixType
        for one in (own, other)
    ]
    assert kinds == ["RIGID", "AFFINE"]
    assert _read(tmp_path / "a.dcm", pair) == pytest.approx(stretched, abs=1e-9)


def test_what_rounding_left_in_the_last_row_moves_nothing(pair, tmp_path):
    header = _written(pair, tmp_path / "a.dcm")
    exact = _read(tmp_path / "a.dcm", pair)
    matrix = header.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0]
    matrix.FrameOfReferenceTransformationMatrix[12:15] = [9e-5, -9e-5, 9e-5]
    header.save_as(tmp_path / "a.dcm")
    np.testing.assert_array_equal(_read(tmp_path / "a.dcm", pair), exact)


def test_the_way_back_is_the_inverse(pair, tmp_path):
    _written(pair, tmp_path / "a.dcm")
    back = _read(tmp_path / "a.dcm", pair[::-1])
    assert back @ motion() == pytest.approx(np.eye(4), abs=1e-9)


def test_the_study_identity_leaves_nothing_of_the_patient(pair, tmp_path):
    identity = OutgoingIdentity("S-1", UidMap(b"k" * 32))
    _written(pair, tmp_path / "a.dcm", identity)
    content = (tmp_path / "a.dcm").read_bytes()
    for secret in (b"first", frame_of_reference_of(pair[0]).encode()):
        assert secret not in content
    assert dcmread(tmp_path / "a.dcm").PatientID == "S-1"
    assert b"first" in _bytes(pair, tmp_path / "b.dcm")


def _bytes(pair, path):
    _written(pair, path)
    return path.read_bytes()


def test_one_frame_or_none_has_no_object(pair, tmp_path):
    for other, code in (
        (pair[0], "REGISTRATION-ONE-FRAME"),
        (replace(pair[1], frames=None), "REGISTRATION-NO-SOURCE"),
    ):
        with pytest.raises(RegistrationError) as caught:
            _written((pair[0], other), tmp_path / "a.dcm")
        assert caught.value.code == code
    assert not (tmp_path / "a.dcm").exists()


@pytest.mark.parametrize(
    ("kind", "said"),
    [(DeformableSpatialRegistrationStorage, "deformable"), (SegmentationStorage, "no spatial")],
)
def test_other_objects_are_refused_by_name(pair, tmp_path, kind, said):
    header = _written(pair, tmp_path / "a.dcm")
    header.SOPClassUID = kind
    header.save_as(tmp_path / "a.dcm")
    with pytest.raises(RegistrationError, match=said) as caught:
        _read(tmp_path / "a.dcm", pair)
    assert caught.value.code == "REG-KIND"


def _matrix(header):
    return header.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0]


def _turn(header):
    _matrix(header).FrameOfReferenceTransformationMatrix[0] = 0.99


def _mirror(header):
    values = np.diag([-1.0, 1.0, 1.0, 1.0]).ravel().tolist()
    _matrix(header).FrameOfReferenceTransformationMatrix = values
    _matrix(header).FrameOfReferenceTransformationMatrixType = "AFFINE"


def _huge(header):
    values = np.diag([1e3, 1e3, 1e3, 1.0]).ravel().tolist()
    _matrix(header).FrameOfReferenceTransformationMatrix = values
    _matrix(header).FrameOfReferenceTransformationMatrixType = "AFFINE"


def _short(header):
    _matrix(header).FrameOfReferenceTransformationMatrix = [1.0] * 12


def _perspective(header):
    _matrix(header).FrameOfReferenceTransformationMatrix[12] = 0.1


def _items_for_a_word(header):
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    item = header.RegistrationSequence[-1].MatrixRegistrationSequence[0].MatrixSequence[0]
    tag = item["FrameOfReferenceTransformationMatrixType"].tag
    item[tag] = DataElement(tag, "SQ", [Dataset()])


def _unknown_type(header):
    _matrix(header).FrameOfReferenceTransformationMatrixType = "ELASTIC"


def _chain(header):
    steps = header.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence
    steps.append(steps[0])


def _empty(header):
    header.RegistrationSequence[1].MatrixRegistrationSequence = []


def _twice(header):
    header.RegistrationSequence.append(header.RegistrationSequence[1])


def _other_frame(header):
    header.RegistrationSequence[1].FrameOfReferenceUID = "1.2.3"


def _moves_itself(header):
    header.RegistrationSequence[0].FrameOfReferenceUID = "1.2.3"
    header.FrameOfReferenceUID = header.RegistrationSequence[1].FrameOfReferenceUID


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_turn, "REG-MATRIX"),
        (_mirror, "REG-MATRIX"),
        (_huge, "REG-MATRIX"),
        (_short, "REG-MATRIX"),
        (_perspective, "REG-MATRIX"),
        (_items_for_a_word, "REG-MATRIX"),
        (_unknown_type, "REG-MATRIX"),
        (_chain, "REG-MATRIX"),
        (_empty, "REG-MATRIX"),
        (_twice, "REG-FRAMES"),
        (_other_frame, "REG-FRAMES"),
        (_moves_itself, "REG-FRAMES"),
    ],
)
def test_what_is_no_transform_of_the_pair_is_refused(pair, tmp_path, damage, code):
    header = _written(pair, tmp_path / "a.dcm")
    damage(header)
    header.save_as(tmp_path / "a.dcm")
    assert _code(tmp_path / "a.dcm", pair) == code


@pytest.mark.parametrize(
    ("kind", "taken"), [("RIGID", False), ("RIGID_SCALE", True), ("AFFINE", True)]
)
def test_a_scaled_matrix_is_taken_by_its_type(pair, tmp_path, kind, taken):
    into = motion() @ np.diag([1.1, 0.9, 1.0, 1.0])
    header = _written(pair, tmp_path / "a.dcm")
    _matrix(header).FrameOfReferenceTransformationMatrix = [f"{v:.12g}" for v in into.ravel()]
    _matrix(header).FrameOfReferenceTransformationMatrixType = kind
    header.save_as(tmp_path / "a.dcm")
    if taken:
        assert _read(tmp_path / "a.dcm", pair) @ into == pytest.approx(np.eye(4), abs=1e-9)
    else:
        assert _code(tmp_path / "a.dcm", pair) == "REG-MATRIX"


def test_a_cut_file_is_no_transform(pair, tmp_path):
    content = _bytes(pair, tmp_path / "a.dcm")
    for length in range(200, len(content), 97):
        (tmp_path / "a.dcm").write_bytes(content[:length])
        with pytest.raises(CaseError):
            _read(tmp_path / "a.dcm", pair)


def test_it_passes_the_validator(pair, tmp_path, dciodvfy):
    _written(pair, tmp_path / "a.dcm")
    said = subprocess.run(
        [dciodvfy, str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False
    )
    assert "SpatialRegistration" in said.stderr
    assert "Error" not in said.stderr
