"""Segmentations of measured regions: places, names, and what others read of them."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import highdicom
import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dce import Truth, write_enhanced
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.exchange.errors import NotExportedError
from biomarker_cli.exchange.results import segmentation as room
from biomarker_cli.exchange.results.segmentation import (
    OutgoingRegion,
    RegionsOfImage,
    label_of,
    segmentation,
    uids_of,
)
from biomarker_cli.imaging.region import Region

CREATED = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
STUDY = OutgoingIdentity("S0001", UidMap(bytes(range(32))))
KEEP = OutgoingIdentity()


def _source(folder, masks, change=None, tracking=""):
    write_dwi(folder, [Spec(0) if change is None else Spec(0, change=change)])
    image = candidates(folder)[0]
    regions = tuple(
        OutgoingRegion(name, Region(mask, image.geometry, name, name), f"sha of {name}", tracking)
        for name, mask in masks.items()
    )
    return RegionsOfImage("A/S1/T1/dwi", "dwi", "key", read_frames(image), regions)


def _mask(*places):
    found = np.zeros(SHAPE, bool)
    for place in places:
        found[place] = True
    return found


def _written(source, identity=STUDY, created=CREATED):
    made = segmentation(source, identity, created, uids_of(source, identity, created))
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _read(source, identity=STUDY):
    return highdicom.seg.segread(io.BytesIO(_written(source, identity)))


def _voxels(found, geometry):
    """Return segments x z x y x x, each frame where its position says."""
    whole = np.zeros((len(found.SegmentSequence), *geometry.shape), bool)
    to_index = np.linalg.inv(geometry.affine)
    planes = found.pixel_array.reshape(-1, *geometry.shape[1:])
    for plane, frame in zip(planes, found.PerFrameFunctionalGroupsSequence, strict=True):
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        place = to_index @ np.append(np.asarray(position, float), 1.0)
        np.testing.assert_allclose(place[:2], 0.0, atol=1e-6)
        # What all frames say stands in the shared group.
        keyword = "SegmentIdentificationSequence"
        group = frame if keyword in frame else found.SharedFunctionalGroupsSequence[0]
        number = group[keyword][0].ReferencedSegmentNumber
        whole[number - 1, round(place[2])] = plane
    return whole


def test_regions_that_overlap_and_the_last_voxel_come_back(tmp_path):
    masks = {
        "one": _mask((0, 0, 0), (2, -1, -1)),
        "two": _mask((2, slice(None), slice(None))),
    }
    source = _source(tmp_path, masks)
    found = _read(source)
    assert found.SegmentsOverlap == "YES"
    np.testing.assert_array_equal(_voxels(found, source.geometry), np.stack([*masks.values()]))


def test_empty_slices_between_have_no_frame(tmp_path):
    found = _read(_source(tmp_path, {"one": _mask((0, 1, 1), (2, 1, 1))}))
    assert found.NumberOfFrames == 2
    uids = {
        frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for frame in found.PerFrameFunctionalGroupsSequence
    }
    assert len(uids) == 2


@pytest.mark.parametrize("name", ["Läsion 病变", "x" * 200, "a\\b", "=1+1", "a\x1b[2Jb", "-" * 64])
def test_whatever_a_region_is_called_it_has_a_label(name, tmp_path):
    def latin(dataset):
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "Müller^Jürg"

    found = _read(_source(tmp_path, {name: _mask((0, 0, 0))}, latin), KEEP)
    label = found.SegmentSequence[0].SegmentLabel
    assert label == label_of(name)
    assert (len(label) <= 64, label.isprintable(), "\\" in label) == (True, True, False)
    assert str(found.PatientName) == "Müller^Jürg"


def test_labels_that_are_cut_stay_two():
    assert label_of("x" * 70) != label_of("x" * 71)
    assert label_of("GTV 1") == "GTV 1"


def test_the_tracking_uid_of_a_source_stays(tmp_path):
    masks = {"one": _mask((0, 0, 0))}
    source = _source(tmp_path, masks, tracking="1.2.3")
    assert _read(source, KEEP).SegmentSequence[0].TrackingUID == "1.2.3"
    assert _read(source).SegmentSequence[0].TrackingUID == STUDY.uid("1.2.3")


def test_uids_are_those_of_the_content(tmp_path):
    source = _source(tmp_path, {"one": _mask((0, 0, 0))})
    assert _written(source) == _written(source)
    others = [
        (_source(tmp_path / "b", {"two": _mask((0, 0, 0))}), STUDY, CREATED),
        (source, KEEP, CREATED),
        (source, STUDY, CREATED.replace(second=7)),
    ]
    first = uids_of(source, STUDY, CREATED)
    for other in others:
        assert not set(uids_of(*other).values()) & set(first.values())
    found = _read(source)
    assert (found.ContentDate, found.ContentTime) == ("20260203", "040506")


def test_more_voxels_than_a_workstation_holds_are_refused(tmp_path, monkeypatch):
    source = _source(tmp_path, {"one": _mask((0, 0, 0)), "two": _mask((2, 0, 0))})
    n_voxels = 2 * SHAPE[1] * SHAPE[2] * 2
    monkeypatch.setattr(room, "MOST_VOXELS", n_voxels)
    _written(source)
    monkeypatch.setattr(room, "MOST_VOXELS", n_voxels - 1)
    with pytest.raises(NotExportedError) as error:
        _written(source)
    assert error.value.code == "EXPORT-TOO-LARGE"


def test_equipment_is_ours(tmp_path):
    found = dcmread(io.BytesIO(_written(_source(tmp_path, {"one": _mask((0, 0, 0))}))))
    assert (found.Manufacturer, found.SpecificCharacterSet) == ("biomarker", "ISO_IR 192")


def test_frames_of_one_multi_frame_instance_are_referred_to(tmp_path):
    path = tmp_path / "enhanced.dcm"
    write_enhanced(path, Truth())
    image = candidates(tmp_path)[0]
    mask = np.zeros(image.geometry.shape, bool)
    mask[1:, 2, 3] = True
    region = OutgoingRegion("one", Region(mask, image.geometry, "one", "one"), "sha")
    source = RegionsOfImage("A/S1/T1/dce", "dce", "key", read_frames(image), (region,))
    found = _read(source, KEEP)
    np.testing.assert_array_equal(_voxels(found, image.geometry)[0], mask)
    instances = found.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert [item.ReferencedSOPInstanceUID for item in instances] == [dcmread(path).SOPInstanceUID]


def test_slices_whose_orientation_differs_in_its_last_digits(tmp_path):
    def turned(dataset):
        tilt = 1e-6 * float(dataset.InstanceNumber)
        dataset.ImageOrientationPatient = [1, tilt, 0, -tilt, 1, 0]

    source = _source(tmp_path, {"one": _mask((0, 0, 0), (2, 1, 1))}, turned)
    before = [str(frame.get("ImageOrientationPatient")) for frame in source.frames]
    assert len(set(before)) > 1
    for identity in (STUDY, KEEP):
        np.testing.assert_array_equal(
            _voxels(_read(source, identity), source.geometry)[0], source.regions[0].region.mask
        )
    assert [str(frame.get("ImageOrientationPatient")) for frame in source.frames] == before


def test_a_header_that_makes_no_object_has_its_code(tmp_path):
    source = _source(tmp_path, {"one": _mask((0, 0, 0))})
    del source.frames[0].dataset.Rows
    with pytest.raises(NotExportedError) as error:
        _written(source)
    assert error.value.code == "EXPORT-HEADER"
