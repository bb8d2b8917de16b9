"""Series of headers alone, with chosen elements, for the tests of acquisition rules."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.frames import FrameHeader, Frames, frame_headers

AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def instance(number: int, modality: str, **elements: Any) -> Dataset:
    """Return the header of one slice; an element that is None is left out."""
    dataset = Dataset()
    dataset.Modality = modality
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Manufacturer = "ACME"
    dataset.StudyDate = "20240101"
    dataset.PatientID = "P1"
    dataset.ImagePositionPatient = [0.0, 0.0, 3.0 * number]
    dataset.ImageOrientationPatient = AXIAL
    dataset.PixelSpacing = [1.0, 1.0]
    dataset.Rows, dataset.Columns = 128, 128
    for keyword, value in elements.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def series_of(
    datasets: Sequence[Dataset], uid: str = "1.2", study: str = "1.1", role: str = ""
) -> SeriesHeaders:
    """Return datasets as one series."""
    frames = [
        frame
        for n, dataset in enumerate(datasets)
        for frame in frame_headers(dataset, Path(f"{n}"))
    ]
    return SeriesHeaders(uid, study, role, str(datasets[0].get("Modality", "")), Frames(frames))


def injection(**elements: Any) -> list[Dataset]:
    """Return a Radiopharmaceutical Information Sequence of one item."""
    item = Dataset()
    nuclide = Dataset()
    nuclide.CodeValue = "C-111A1"
    values = {
        "RadionuclideTotalDose": 350e6,
        "RadionuclideHalfLife": 6586.2,
        "RadiopharmaceuticalStartTime": "090000",
        "RadiopharmaceuticalStartDateTime": "20240101090000",
        "RadionuclideCodeSequence": [nuclide],
    }
    for keyword, value in (values | elements).items():
        if value is not None:
            setattr(item, keyword, value)
    return [item]


def pet_instance(number: int, **elements: Any) -> Dataset:
    """Return the header of one PET slice that the demo's protocol passes."""
    values = {
        "Units": "BQML",
        "CorrectedImage": ["ATTN", "DECY", "SCAT"],
        "DecayCorrection": "START",
        "PatientWeight": 70.0,
        "PatientSize": 1.75,
        "AcquisitionDate": "20240101",
        "AcquisitionTime": "100000",
        "SeriesDate": "20240101",
        "SeriesTime": "100000",
        "SliceThickness": 3.0,
        "RadiopharmaceuticalInformationSequence": injection(),
    }
    return instance(number, "PT", **(values | elements))


def without(series: SeriesHeaders, tag: str, index: int) -> SeriesHeaders | None:
    """Return the series with an element removed from one instance, None where it has none.

    `tag` is as the rules report it: ``(gggg,eeee)``, ``(gggg,xxee) creator`` or a
    path ``(gggg,eeee)>(gggg,eeee)``.
    """
    paths = list(dict.fromkeys(frame.path for frame in series.frames))
    path = paths[index % len(paths)]
    original = next(frame.dataset for frame in series.frames if frame.path == path)
    with warnings.catch_warnings():
        # pydicom warns that the file it was read from is closed; nothing is read any more.
        warnings.simplefilter("ignore")
        dataset = copy.deepcopy(original)
    if not _remove(dataset, tag.split(">")):
        return None
    frames = [
        FrameHeader(dataset, f.frame, f.path, f.tile) if f.path == path else f
        for f in series.frames
    ]
    return SeriesHeaders(
        series.series_uid, series.study_uid, series.role, series.modality, Frames(frames)
    )


def _remove(dataset: Dataset, path: list[str]) -> bool:
    """Remove an element at any depth of the functional groups; tell whether there was one."""
    group, _, rest = path[0].lstrip("(").partition(",")
    element = rest[:4]
    wanted = int(group, 16)
    removed = False
    for data_element in list(dataset):
        tag = data_element.tag
        text = f"{tag.element:04x}"
        is_it = tag.group == wanted and (
            text == element.lower()
            or (element.startswith("xx") and text[2:] == element[2:].lower())
        )
        if is_it and len(path) == 1:
            if tag.element >= 0x1000 or not tag.is_private:
                del dataset[tag]
                removed = True
        elif data_element.VR == "SQ":
            below = path[1:] if is_it else path
            for item in data_element.value:
                removed = _remove(item, below) or removed
    return removed
