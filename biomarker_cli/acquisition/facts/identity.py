"""Facts of the scanner and of the series as a whole, of every modality."""

from __future__ import annotations

from dataclasses import replace

from biomarker_cli.acquisition.facts.elements import element_reader
from biomarker_cli.acquisition.facts.registry import (
    BURNED_IN,
    FACTS,
    Reading,
    one,
)
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import FLAG, KEYWORD, are_shifted

_TEXTS = (
    ("modality", "Modality", "Kind of equipment that acquired the series."),
    ("manufacturer", "Manufacturer", "Maker of the scanner as it names itself."),
    ("model", "ManufacturerModelName", "Model of the scanner."),
    ("software", "SoftwareVersions", "Software of the scanner."),
    ("device_serial", "DeviceSerialNumber", "Serial number of the scanner."),
    ("station", "StationName", "Name of the scanner in its network."),
    ("image_type", "ImageType", "Words that say original or derived, and of what kind."),
    ("study_date", "StudyDate", "Date of the study as written."),
    (BURNED_IN, "BurnedInAnnotation", "Whether text is burned into the pixels, where it is told."),
    ("body_part", "BodyPartExamined", "Part of the body as the console was told."),
)
for _name, _keyword, _definition in _TEXTS:
    FACTS.define(_name, "", f"{_definition} {_keyword}.")(element_reader(_keyword))


_dates_modified = element_reader(KEYWORD)


@FACTS.define(
    DATES_MODIFIED,
    "",
    f"What de-identification did to the dates, where it is told. {KEYWORD}.",
)
def dates_modified(series: SeriesHeaders) -> Reading:
    """Return what became of the dates, flagged where no calendar fits them."""
    found = _dates_modified(series)
    if not any(are_shifted(str(value)) for value in found.values):
        return found
    return replace(found, flags=found.flags | {FLAG})


@FACTS.define("n_instances", "1", "Number of files (SOP instances) of the series.")
def n_instances(series: SeriesHeaders) -> Reading:
    """Return the number of files."""
    return one(float(len({frame.path for frame in series.frames})), ())


@FACTS.define(
    "n_frames", "1", "Number of slices of all volumes of the series; tiles of a mosaic count."
)
def n_frames(series: SeriesHeaders) -> Reading:
    """Return the number of slices."""
    return one(float(len(series.frames)), ())
