"""Every trap of the time axis, and what it must give."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_dce import (
    DIALECTS,
    FLIP_DEG,
    SHAPE,
    Truth,
    Written,
    clock,
    siemens,
    write_dynamic,
    write_enhanced,
    write_vfa,
)

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.perfusion.dynamic_set import assemble_dynamic

TRUTH = Truth(n=8, onset_s=3.0)


def made(folder, *, with_t1_images=False):
    found = scan([folder]).volumes
    return assemble_dynamic(found, DicomFiles(), with_t1_images=with_t1_images)


def refused(folder, code, **how):
    with pytest.raises(BiomarkerError) as error:
        made(folder, **how)
    assert error.value.code == code
    return error.value


def changed(*changes):
    def change(dataset, phase):
        for one in changes:
            one(dataset, phase)

    return change


def first_values(dynamic):
    """Return the signal of one voxel of each frame, in order."""
    return [float(p.read(DicomFiles()).array[0, 0, 0]) for p in dynamic.axis.phases]


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_tells_order_and_seconds(name, tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS[name](TRUTH)))
    axis = made(tmp_path).axis
    assert np.allclose(axis.seconds, TRUTH.seconds, atol=1e-5)
    assert (
        axis.rule
        == {
            "siemens": "acquisition_time",
            "ge": "ge_trigger_time",
            "philips": "philips_dynamic_begin",
            "canon": "acquisition_time",
            "uih": "acquisition_datetime",
        }[name]
    )
    assert axis.index_rule == ("" if name == "siemens" else "temporal_position")
    assert axis.interval_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("siemens", "acquisition_datetime"),
        ("ge", "time_offset"),
        ("philips", "philips_dynamic_begin"),
        ("canon", "time_offset"),
        ("uih", "time_offset"),
    ],
)
def test_an_enhanced_object_tells_them_by_its_frames(name, rule, tmp_path):
    write_enhanced(tmp_path / "dce.dcm", TRUTH, name)
    dynamic = made(tmp_path)
    assert (dynamic.axis.rule, dynamic.axis.index_rule) == (rule, "temporal_position_index")
    assert np.allclose(dynamic.axis.seconds, TRUTH.seconds)
    values = np.array(first_values(dynamic))
    assert np.allclose(values / values[0], TRUTH.signal() / TRUTH.signal()[0], rtol=1e-4)


def test_phases_in_series_of_their_own_are_ordered_by_time_not_by_series_number(tmp_path):
    def numbered(dataset, phase):
        dataset.SeriesNumber = 100 - phase

    write_dynamic(
        tmp_path, TRUTH, Written(change=changed(siemens(TRUTH), numbered), one_series_each=True)
    )
    dynamic = made(tmp_path)
    assert len({p.series_uid for p in dynamic.axis.phases}) == TRUTH.n
    assert np.allclose(dynamic.axis.seconds, TRUTH.seconds)
    assert np.allclose(first_values(dynamic), TRUTH.signal(), rtol=1e-4)


@pytest.mark.parametrize("dated", [True, False])
def test_midnight_is_passed(dated, tmp_path):
    def date(dataset, phase):
        if dated:
            # Written for the whole series on some systems: the first day for all.
            dataset.AcquisitionDate = "20250301"

    write_dynamic(tmp_path, TRUTH, Written(change=changed(siemens(TRUTH, "235950"), date)))
    assert np.allclose(made(tmp_path).axis.seconds, TRUTH.seconds)


def test_scrambled_acquisition_numbers_do_not_order_the_phases(tmp_path):
    def scrambled(dataset, phase):
        dataset.AcquisitionNumber = (phase * 5) % TRUTH.n + 1

    write_dynamic(tmp_path, TRUTH, Written(change=changed(siemens(TRUTH), scrambled)))
    assert np.allclose(first_values(made(tmp_path)), TRUTH.signal(), rtol=1e-4)


def test_an_index_against_the_times_is_refused(tmp_path):
    def scrambled(dataset, phase):
        dataset.TemporalPositionIdentifier = (phase * 5) % TRUTH.n + 1

    write_dynamic(tmp_path, TRUTH, Written(change=changed(siemens(TRUTH), scrambled)))
    error = refused(tmp_path, "DCE-PHASES-DISAGREE")
    assert "(0020,0100)" in str(error)
    assert "(0008,0032)" in str(error)


def test_two_clocks_that_differ_are_refused(tmp_path):
    def drifting(dataset, phase):
        dataset.AcquisitionTime = clock(2.0 * float(TRUTH.seconds[phase]))

    write_dynamic(tmp_path, TRUTH, Written(change=changed(DIALECTS["ge"](TRUTH), drifting)))
    refused(tmp_path, "DCE-PHASES-DISAGREE")


def test_phase_images_beside_the_magnitude_are_left_out(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS["philips"](TRUTH)))

    def as_phase(dataset, phase):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "P"]
        dataset.SOPInstanceUID += ".9"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

    write_dynamic(
        tmp_path / "p", TRUTH, Written(change=changed(DIALECTS["philips"](TRUTH), as_phase))
    )
    dynamic = made(tmp_path)
    assert len(dynamic.axis.phases) == TRUTH.n
    assert {p.header.get("ImageType")[2] for p in dynamic.axis.phases} == {"M"}


def test_magnitude_and_phase_in_one_file_are_told_apart(tmp_path):
    path = tmp_path / "dce.dcm"
    write_enhanced(path, TRUTH, "philips")
    both = dcmread(path)
    magnitude = list(both.PerFrameFunctionalGroupsSequence)
    frames = []
    for component, kind in (("MAGNITUDE", "M"), ("PHASE", "P")):
        for frame in copy.deepcopy(magnitude):
            item = Dataset()
            item.FrameType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
            item.ComplexImageComponent = component
            frame.MRImageFrameTypeSequence = [item]
            frames.append(frame)
    both.PerFrameFunctionalGroupsSequence = frames
    both.NumberOfFrames = len(frames)
    pixels = np.frombuffer(both.PixelData, "<u2")
    both.PixelData = np.concatenate([pixels, 65535 - pixels]).tobytes()
    both.save_as(path)
    dynamic = made(tmp_path)
    assert len(dynamic.axis.phases) == TRUTH.n
    values = np.array(first_values(dynamic))
    assert np.allclose(values / values[0], TRUTH.signal() / TRUTH.signal()[0], rtol=1e-4)


def test_a_trigger_time_alone_tells_the_phases_of_ge(tmp_path):
    def bare(dataset, phase):
        DIALECTS["ge"](TRUTH)(dataset, phase)
        for keyword in ("AcquisitionTime", "TemporalPositionIdentifier"):
            delattr(dataset, keyword)

    write_dynamic(tmp_path, TRUTH, Written(change=bare))
    dynamic = made(tmp_path)
    assert dynamic.axis.rule == "ge_trigger_time"
    assert np.allclose(dynamic.axis.seconds, TRUTH.seconds)
    assert np.allclose(first_values(dynamic), TRUTH.signal(), rtol=1e-4)


def test_phase_images_alone_are_refused(tmp_path):
    def as_phase(dataset, phase):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "P"]

    write_dynamic(tmp_path, TRUTH, Written(change=changed(siemens(TRUTH), as_phase)))
    refused(tmp_path, "DCE-NOT-MAGNITUDE")


def test_places_and_phases_that_are_swapped_are_refused(tmp_path):
    def swapped(dataset, phase):
        z = round(float(dataset.ImagePositionPatient[2]) / 3.0)
        dataset.AcquisitionTime = clock(3.0 * (z * TRUTH.n + phase))
        dataset.TemporalPositionIdentifier = phase + 1

    write_dynamic(tmp_path, TRUTH, Written(change=swapped))
    error = refused(tmp_path, "DCE-PHASES-DISAGREE")
    assert "slices of one phase" in str(error)


def test_the_repetition_time_and_a_number_of_positions_are_no_time_axis(tmp_path):
    def counted(dataset, phase):
        dataset.NumberOfTemporalPositions = TRUTH.n
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.AcquisitionTime = clock(0.0)

    write_dynamic(tmp_path, TRUTH, Written(change=counted))
    error = refused(tmp_path, "DCE-NO-TIMES")
    assert "RepetitionTime" in str(error.hint)


@pytest.mark.parametrize("maker", ["SIEMENS", "Philips Medical Systems"])
def test_a_trigger_time_of_other_makers_is_no_time_of_a_phase(maker, tmp_path):
    def triggered(dataset, phase):
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.TriggerTime = 3000.0 * phase

    write_dynamic(tmp_path, TRUTH, Written(maker, change=triggered))
    refused(tmp_path, "DCE-NO-TIMES")


def test_content_time_comes_last_and_is_flagged(tmp_path):
    def stored(dataset, phase):
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.ContentTime = clock(float(TRUTH.seconds[phase]))

    write_dynamic(tmp_path, TRUTH, Written(change=stored))
    dynamic = made(tmp_path)
    assert dynamic.axis.rule == "content_time"
    assert "phase_times_from_content" in dynamic.flags


def test_one_content_time_after_anonymisation_is_none(tmp_path):
    def stored(dataset, phase):
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.ContentTime = "120000"

    write_dynamic(tmp_path, TRUTH, Written(change=stored))
    refused(tmp_path, "DCE-NO-TIMES")


def test_uneven_intervals_are_legal_and_a_gap_is_flagged(tmp_path):
    uneven = np.array([0.0, 3.0, 6.0, 10.0, 13.0, 16.0, 20.9, 24.0])

    def timed(dataset, phase):
        dataset.AcquisitionTime = clock(float(uneven[phase]))

    write_dynamic(tmp_path, TRUTH, Written(change=timed))
    dynamic = made(tmp_path)
    assert np.allclose(dynamic.axis.seconds, uneven)
    # 4 s is below 1.5 times the median of 3 s, 4.9 s above.
    assert "frame_gap" in dynamic.flags
    assert "frame_gap" not in _even(tmp_path / "even")


def _even(folder):
    write_dynamic(folder, TRUTH, Written(series="even", change=siemens(TRUTH)))
    return made(folder).flags


def test_a_phase_that_is_missing_is_flagged(tmp_path):
    kept = [p for p in range(TRUTH.n) if p != 4]
    write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS["canon"](TRUTH), order=kept))
    assert {"frame_gap", "frames_missing"} <= made(tmp_path).flags


@pytest.mark.parametrize("lost", ["start", "end"])
def test_phases_that_are_missing_at_an_end_are_flagged(tmp_path, lost):
    def counted(dataset, _phase):
        dataset.NumberOfTemporalPositions = TRUTH.n

    how = Written(change=changed(DIALECTS["canon"](TRUTH), counted))
    write_dynamic(tmp_path / "whole", TRUTH, how)
    assert "frames_missing" not in made(tmp_path / "whole").flags
    kept = range(2, TRUTH.n) if lost == "start" else range(TRUTH.n - 2)
    write_dynamic(tmp_path / "cut", TRUTH, replace(how, order=list(kept)))
    assert "frames_missing" in made(tmp_path / "cut").flags


def test_numbers_that_go_on_in_the_next_series_leave_none_out(tmp_path):
    early, late = range(3), range(3, TRUTH.n)
    for name, kept in (("one", early), ("two", late)):
        how = Written(series=name, change=DIALECTS["canon"](TRUTH), order=list(kept))
        write_dynamic(tmp_path / "both", TRUTH, how)
    assert "frames_missing" not in made(tmp_path / "both").flags
    write_dynamic(tmp_path / "late", TRUTH, replace(how, series="three"))
    assert "frames_missing" in made(tmp_path / "late").flags


@pytest.mark.parametrize(
    ("keyword", "value"), [("FlipAngle", 10.0), ("RepetitionTime", 9.0), ("FlipAngle", None)]
)
def test_the_slices_of_one_phase_are_one_acquisition(tmp_path, keyword, value):
    def odd(dataset, phase):
        if phase == 5 and float(dataset.ImagePositionPatient[2]) > 0:
            setattr(dataset, keyword, value)

    write_dynamic(tmp_path, TRUTH, Written(change=changed(siemens(TRUTH), odd)))
    error = refused(tmp_path, "DCE-MIXED-ACQUISITION")
    assert keyword in error.message


def test_two_phases_of_one_time_are_refused(tmp_path):
    def doubled(dataset, phase):
        dataset.TemporalPositionIdentifier = phase + 1
        dataset.AcquisitionTime = clock(3.0 * min(phase, TRUTH.n - 2))

    write_dynamic(tmp_path, TRUTH, Written(change=doubled))
    refused(tmp_path, "DCE-PHASES-DISAGREE")


def test_one_volume_is_no_dynamic_series(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=[0]))
    refused(tmp_path, "DCE-FEW-FRAMES")


@pytest.mark.parametrize(
    ("keyword", "value"), [("RepetitionTime", 5.2), ("FlipAngle", 12.0), ("EchoTime", 2.0)]
)
def test_images_before_contrast_of_another_sequence_are_refused(keyword, value, tmp_path):
    def odd(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        setattr(dataset, keyword, value)

    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=range(2, TRUTH.n)))
    write_dynamic(tmp_path, TRUTH, Written(series="pre", change=odd, order=[0, 1]))
    error = refused(tmp_path, "DCE-MIXED-ACQUISITION")
    assert f"{value:g}" in str(error)


def test_images_before_contrast_of_the_same_sequence_are_taken(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=range(2, TRUTH.n)))
    write_dynamic(tmp_path, TRUTH, Written(series="pre", change=siemens(TRUTH), order=[0, 1]))
    assert np.allclose(made(tmp_path).axis.seconds, TRUTH.seconds)


def test_another_receiver_gain_before_contrast_is_refused(tmp_path):
    def gained(gain):
        def change(dataset, phase):
            block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
            block.add_new(0x95, "SS", gain)

        return change

    ge = siemens(TRUTH)
    write_dynamic(tmp_path, TRUTH, Written(change=changed(ge, gained(10)), order=range(2, 8)))
    write_dynamic(
        tmp_path, TRUTH, Written(series="pre", change=changed(ge, gained(12)), order=[0, 1])
    )
    refused(tmp_path, "DCE-MIXED-SCALING")


def test_philips_slopes_without_the_scale_slope_are_refused(tmp_path):
    def without(dataset, phase):
        del dataset[0x2005, 0x100E]

    write_dynamic(tmp_path, TRUTH, Written(change=changed(DIALECTS["philips"](TRUTH), without)))
    refused(tmp_path, "DCE-MIXED-SCALING")


def test_philips_signal_is_brought_to_one_scale(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS["philips"](TRUTH)))
    values = np.array(first_values(made(tmp_path)))
    assert np.allclose(values / values[0], TRUTH.signal() / TRUTH.signal()[0], rtol=1e-4)


def test_gauss_is_read_as_gauss(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS["ge"](TRUTH)))
    assert made(tmp_path).first.field_t == 1.5


@pytest.mark.parametrize("each", [True, False])
def test_t1_images_stand_beside_the_dynamic_also_with_its_flip_angle(each, tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), one_series_each=each))
    write_vfa(tmp_path, TRUTH, [2.0, 5.0, FLIP_DEG])
    dynamic = made(tmp_path, with_t1_images=True)
    assert [one.flip_deg for one in dynamic.t1_images] == [2.0, 5.0, FLIP_DEG]
    assert np.allclose(dynamic.axis.seconds, TRUTH.seconds)
    refused(tmp_path, "DCE-MIXED-ACQUISITION")


@pytest.mark.parametrize(
    ("keyword", "code"),
    [("StudyInstanceUID", "DCE-MIXED-STUDY"), ("FrameOfReferenceUID", "DCE-MIXED-FRAME")],
)
def test_two_examinations_are_refused(keyword, code, tmp_path):
    def other(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        setattr(dataset, keyword, getattr(dataset, keyword) + ".1")

    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=range(2, TRUTH.n)))
    write_dynamic(tmp_path, TRUTH, Written(series="pre", change=other, order=[0, 1]))
    refused(tmp_path, code)


def test_another_grid_is_refused(tmp_path):
    def moved(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        dataset.ImagePositionPatient[0] += 1.0

    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=range(2, TRUTH.n)))
    write_dynamic(tmp_path, TRUTH, Written(series="pre", change=moved, order=[0, 1]))
    refused(tmp_path, "DCE-MIXED-GEOMETRY")


@pytest.mark.parametrize("text", ["", "25:99", "noon", "1e9"])
def test_a_damaged_time_is_no_time(text, tmp_path):
    def damaged(dataset, phase):
        dataset.TemporalPositionIdentifier = phase + 1
        if phase == 3:
            dataset.AcquisitionTime = text
        else:
            dataset.AcquisitionTime = clock(float(TRUTH.seconds[phase]))

    write_dynamic(tmp_path, TRUTH, Written(change=damaged))
    refused(tmp_path, "DCE-NO-TIMES")


def test_frames_are_read_as_they_were_written(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)))
    dynamic = made(tmp_path)
    volume = dynamic.first.read(DicomFiles())
    assert volume.array.shape == SHAPE
    assert np.allclose(first_values(dynamic), TRUTH.signal(), rtol=1e-4)
