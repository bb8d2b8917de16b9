"""The image that a segmentation was made on, by every way in which it may say so."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_dicom_seg import image_datasets, write_seg
from synthetic_segmentations import Roi, cylinder, write_structure_set
from synthetic_series import axial, uid, write_series

from biomarker_cli.case.inputs import CaseInputs
from biomarker_cli.case.running import run_case
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.regions.choosing import images_meant
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.study.single import SingleCase, plan_single


@pytest.fixture
def study(tmp_path):
    """Two series of one study and one frame of reference: the second is 500 HU brighter."""

    def brighter(_index, dataset):
        dataset.RescaleIntercept = -500

    places = axial(*range(0, 30, 3))
    write_series(tmp_path / "study" / "a", places, rows=40, columns=60)
    write_series(tmp_path / "study" / "b", places, series="2", rows=40, columns=60, change=brighter)
    return tmp_path


def images_of(study):
    return sorted(scan([study / "study"]).volumes, key=lambda c: c.description)


def seg(study, way):
    """Write a SEG that says in one way only that it was made on the second series."""
    (grid, *_) = (candidate.geometry for candidate in images_of(study))
    mask = np.zeros((1, *grid.shape), dtype=bool)
    mask[0, 3:7, 10:20, 10:20] = True
    path = write_seg(study / "seg.dcm", grid, mask)
    dataset = dcmread(path)
    number_of = {image.SOPInstanceUID: i for i, image in enumerate(image_datasets(grid), 1)}
    dataset.FrameOfReferenceUID = uid("frame of reference")
    frames = dataset.PerFrameFunctionalGroupsSequence
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for frame in frames:
        for source in frame.DerivationImageSequence[0].SourceImageSequence:
            number = number_of[source.ReferencedSOPInstanceUID]
            source.ReferencedSOPInstanceUID = uid("instance", "2", number)
    listed = dataset.ReferencedSeriesSequence[0]
    listed.SeriesInstanceUID = uid("series", "2")
    listed.ReferencedInstanceSequence = []
    dataset.pop("SourceImageSequence", None)
    if way == "shared":
        shared.DerivationImageSequence = frames[0].DerivationImageSequence
    if way == "object":
        dataset.SourceImageSequence = frames[0].DerivationImageSequence[0].SourceImageSequence
    if way != "frames":
        for frame in frames:
            del frame.DerivationImageSequence
    if way != "series":
        del dataset.ReferencedSeriesSequence
    dataset.save_as(path)
    return path


def rtstruct(study, way):
    grid = images_of(study)[0].geometry
    contours = cylinder(grid, range(2, 6), 12.3)
    images = [uid("instance", "2", 4)] if way == "contours" else []
    listed = [uid("series", "2")] if way == "series" else []
    roi = Roi("lesion", contours, images=images)
    return write_structure_set(study / "rs.dcm", [roi], referenced_series=listed)


WAYS = pytest.mark.parametrize(
    ("write", "way"),
    [
        (seg, "frames"),
        (seg, "shared"),
        (seg, "object"),
        (seg, "series"),
        (rtstruct, "series"),
        (rtstruct, "contours"),
    ],
)


def target_of(candidate):
    return ImageTarget.from_frames(candidate.geometry, read_frames(candidate))


@WAYS
def test_both_commands_take_the_series_that_the_segmentation_refers_to(study, write, way):
    path = write(study, way)
    first, second = images_of(study)
    assert images_meant((first, second), path) == (second,)
    plan = plan_single(SingleCase("radiomics", (study / "study",), path, "radiomics-ct")).case.plan
    image = CaseInputs(plan).images[plan.primary.name]
    assert [c.series_uid for c in image.candidates()] == [second.series_uid]
    assert image.volume().array.min() == -500
    result = run_case(plan)
    assert {row.cross_series for row in result.rois.values()} == {False}
    means = [r.value for r in result.measurements if r.feature_id.endswith("intensity.mean")]
    assert means[0] > -200


@WAYS
def test_another_series_is_flagged_or_forbidden_whatever_says_so(study, write, way):
    path = write(study, way)
    for candidate, is_other in zip(images_of(study), (True, False), strict=True):
        (roi,) = import_regions(path, target_of(candidate), RegionRules())
        assert roi.status == "ok"
        assert roi.cross_series is is_other
        assert ("cross_series" in roi.region.flags) is is_other
        (judged,) = import_regions(path, target_of(candidate), RegionRules(cross_series="forbid"))
        assert judged.error_code == ("REGION-CROSS-SERIES" if is_other else "")


def test_the_series_of_the_frames_goes_before_those_that_are_listed_too(study):
    path = seg(study, "frames")
    dataset = dcmread(path)
    dataset.ReferencedSeriesSequence = []
    for number in ("1", "2"):
        item, instance = Dataset(), Dataset()
        item.SeriesInstanceUID = uid("series", number)
        instance.ReferencedSOPInstanceUID = uid("instance", number, 5)
        item.ReferencedInstanceSequence = [instance]
        dataset.ReferencedSeriesSequence.append(item)
    dataset.save_as(path)
    first, second = images_of(study)
    assert images_meant((first, second), path) == (second,)
    (roi,) = import_regions(path, target_of(first), RegionRules())
    assert roi.cross_series is True


@pytest.mark.parametrize("write", [seg, rtstruct])
def test_where_another_series_is_forbidden_the_file_has_to_say_which(study, write):
    path = write(study, "series")
    dataset = dcmread(path)
    if write is seg:
        del dataset.ReferencedSeriesSequence
    else:
        frame = dataset.ReferencedFrameOfReferenceSequence[0]
        del frame.RTReferencedStudySequence
    dataset.save_as(path)
    target = target_of(images_of(study)[0])
    (roi,) = import_regions(path, target, RegionRules(cross_series="forbid"))
    assert (roi.cross_series, roi.error_code) == (None, "REGION-CROSS-SERIES")
    (roi,) = import_regions(path, target, RegionRules())
    assert roi.status == "ok"


def test_a_label_image_says_nothing_and_a_choice_that_was_made_stands(study):
    images = images_of(study)
    grid = images[0].geometry
    write_nifti(np.ones(grid.shape, dtype=np.uint8), grid, study / "mask.nii.gz")
    path = study / "mask.nii.gz"
    assert images_meant(images, path) == tuple(images)
    (roi,) = import_regions(path, target_of(images[0]), RegionRules(cross_series="forbid"))
    assert roi.status == "ok"
    assert images_meant(images[:1], study / "no such file") == (images[0],)
    assert images_meant(images, None) == tuple(images)


def test_an_adc_keeps_all_series(study):
    path = seg(study, "frames")
    plan = plan_single(SingleCase("adc", (study / "study",), path, "dwi-adc")).case.plan
    assert len(CaseInputs(plan).images["dwi"].candidates()) == 2
