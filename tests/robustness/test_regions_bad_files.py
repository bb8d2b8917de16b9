"""Damaged segmentations: a named error or a row with a status, never a crash."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_dicom_seg import write_seg
from synthetic_segmentations import Roi, cylinder, target, write_structure_set

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.regions.importing import import_regions, list_rois
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

IMAGE = target()
SEG_GRID = Geometry((3, 12, 10), (1.5, 2.5, 3.0))
STATUSES = {"ok", "empty", "skipped", "failed", "missing"}


@pytest.fixture(scope="module")
def structure_set(tmp_path_factory):
    rois = [
        Roi("one", cylinder(IMAGE.geometry, range(3, 7), 12.3), code=("4147007", "SCT", "Mass")),
        Roi("two", cylinder(IMAGE.geometry, range(3, 7), 8.3), number=2),
    ]
    path = tmp_path_factory.mktemp("rt") / "rs.dcm"
    return write_structure_set(path, rois, referenced_series=["1.2.3"])


@pytest.fixture(scope="module")
def seg(tmp_path_factory):
    masks = np.random.default_rng(0).random((2, *SEG_GRID.shape)) > 0.5
    return write_seg(tmp_path_factory.mktemp("seg") / "seg.dcm", SEG_GRID, masks)


def import_or_refuse(path, image):
    """Import; return the statuses, or the code of the error that was raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            list_rois(path)
            rois = import_regions(path, image, RegionRules())
        except BiomarkerError as error:
            return error.code
    for roi in rois:
        assert roi.status in STATUSES
        assert (roi.region is None) == (roi.status != "ok")
        assert bool(roi.error_code) == (roi.status != "ok")
        roi.row("S/1/T1/ct")
    return [roi.status for roi in rois]


def words_in(dataset, place=()):
    """Yield the place of each element that is read as text, of first items alone."""
    for element in dataset:
        if element.VR == "SQ" and len(element.value):
            yield from words_in(element.value[0], (*place, element.tag))
        elif element.VR in {"CS", "LO", "LT", "SH", "ST", "UC", "UI", "UT"}:
            yield (*place, element.tag)


@pytest.mark.parametrize("kind", ["structure_set", "seg"])
def test_items_where_a_word_should_be_are_never_printed(kind, request, tmp_path, monkeypatch):
    """pydicom prints damaged items at each level again: 47 kB once took 20 GB."""

    def printed(self):
        raise AssertionError("items were printed")

    monkeypatch.setattr(Dataset, "__str__", printed)
    monkeypatch.setattr(Sequence, "__str__", printed)
    source = request.getfixturevalue(kind)
    image = IMAGE if kind == "structure_set" else ImageTarget(SEG_GRID)
    places = list(words_in(dcmread(source)))
    assert len(places) >= 12
    for place in places:
        dataset = dcmread(source)
        holder = dataset
        for tag in place[:-1]:
            holder = holder[tag].value[0]
        del holder[place[-1]]
        holder[place[-1]] = DataElement(place[-1], "SQ", Sequence([Dataset()]))
        dataset.save_as(tmp_path / "odd.dcm")
        assert import_or_refuse(tmp_path / "odd.dcm", image)


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("structure_set", b"\x08\0\x18\0"),
        ("seg", b"\x08\0\x18\0"),
        ("seg", b"\x62\0\x01\0"),
    ],
)
def test_an_unknown_type_is_a_refusal(kind, tag, request, tmp_path):
    content = request.getfixturevalue(kind).read_bytes()
    at = content.index(tag, 300)
    (tmp_path / "odd.dcm").write_bytes(content[: at + 4] + b"UA" + content[at + 6 :])
    image = IMAGE if kind == "structure_set" else ImageTarget(SEG_GRID)
    assert import_or_refuse(tmp_path / "odd.dcm", image) == "REGION-UNREADABLE"


@pytest.mark.parametrize("kind", ["structure_set", "seg"])
def test_a_file_cut_anywhere(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    image = IMAGE if kind == "structure_set" else ImageTarget(SEG_GRID)
    content = path.read_bytes()
    cut = tmp_path / "cut.dcm"
    outcomes = set()
    for length in np.linspace(0, len(content) - 1, 60).astype(int):
        cut.write_bytes(content[:length])
        outcomes.add(str(import_or_refuse(cut, image)))
    assert len(outcomes) > 1


@pytest.mark.parametrize("kind", ["structure_set", "seg"])
def test_bytes_overwritten_anywhere(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    image = IMAGE if kind == "structure_set" else ImageTarget(SEG_GRID)
    content = path.read_bytes()
    rng = np.random.default_rng(7)
    spoilt = tmp_path / "spoilt.dcm"
    for _ in range(150):
        damaged = bytearray(content)
        start = int(rng.integers(132, len(content) - 8))
        damaged[start : start + 6] = rng.integers(0, 256, 6, dtype=np.uint8).tobytes()
        spoilt.write_bytes(bytes(damaged))
        import_or_refuse(spoilt, image)


def walk(dataset, place=()):
    """Yield the place of every element: keywords and item numbers."""
    for element in list(dataset):
        yield (*place, element.tag)
        if element.VR == "SQ":
            for index, item in enumerate(element.value[:1]):
                yield from walk(item, (*place, element.tag, index))


@pytest.mark.parametrize("kind", ["structure_set", "seg"])
@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_every_element_removed_or_emptied_in_turn(kind, how, request, tmp_path):
    path = request.getfixturevalue(kind)
    image = IMAGE if kind == "structure_set" else ImageTarget(SEG_GRID)
    places = list(walk(dcmread(path)))
    assert len(places) > 25
    broken = tmp_path / "broken.dcm"
    for place in places:
        dataset = dcmread(path)
        parent = dataset
        for tag, index in zip(place[:-1:2], place[1:-1:2], strict=True):
            parent = parent[tag].value[index]
        if how == "removed":
            del parent[place[-1]]
        else:
            parent[place[-1]].value = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset.save_as(broken)
            except (AttributeError, ValueError, TypeError, KeyError):
                continue  # cannot be written without it
        import_or_refuse(broken, image)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 400, b"\0" * 128 + b"DICM" + b"x" * 50])
@pytest.mark.parametrize(
    "name", ["mask.dcm", "mask.nii.gz", "mask.nrrd", "mask.seg.nrrd", "mask.mha"]
)
def test_files_of_something_else(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    assert isinstance(import_or_refuse(path, IMAGE), str)


def test_a_folder_is_no_segmentation(tmp_path):
    assert import_or_refuse(tmp_path, IMAGE) == "PATH-NOT-FOUND"
