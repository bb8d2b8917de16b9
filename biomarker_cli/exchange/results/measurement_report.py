"""One structured report (TID 1500) of what was measured in a case.

References
----------
DICOM PS3.16 TID 1500 (Measurement Report), TID 1411 (Volumetric ROI), TID 1501, TID 1419,
TID 4019 (Algorithm Identification).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.identity import OWN_MANUFACTURER, OutgoingIdentity
from biomarker_cli.exchange.results.measurement_codes import OWN_SCHEME, CodedName, MeasuredConcept
from biomarker_cli.exchange.results.response_calls import ResponseCall
from biomarker_cli.exchange.results.segmentation import SERIES_NUMBER as SEG_SERIES_NUMBER
from biomarker_cli.exchange.results.segmentation import built, label_of, settle
from biomarker_cli.model.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SERIES_NUMBER = SEG_SERIES_NUMBER + 100

_UNIT_MEANINGS = MappingProxyType({"1": "no units"})

_PROCEDURES = MappingProxyType(
    {
        "CT": ("25045-6", "LN", "CT unspecified body region"),
        "MR": ("25056-3", "LN", "MRI unspecified body region"),
        "PT": ("44136-0", "LN", "PET unspecified body region"),
    }
)
_ANY_PROCEDURE = ("363679005", "SCT", "Imaging procedure")


@dataclass(frozen=True)
class OutgoingNumber:
    """A number as it leaves.

    Attributes
    ----------
    concept : MeasuredConcept
    value : float
    unit : str
        UCUM code.
    engine, engine_version : str
        What computed it.
    parameters : tuple of str
        ``name=value``: feature id and what to know before pooling.
    measured_on : Dataset or None
        The map, where it leaves as well.
    """

    concept: MeasuredConcept
    value: float
    unit: str
    engine: str
    engine_version: str
    parameters: tuple[str, ...]
    measured_on: Dataset | None = None


@dataclass(frozen=True)
class OutgoingGroup:
    """What one analysis measured in one region.

    Attributes
    ----------
    roi_id : str
    tracking_uid : str
        That of the segment.
    segment : (Dataset, int) or None
        The Segmentation that holds it, and its number; None where no mask is kept.
    parameters : tuple of str
        Of the analysis: its id and sha256.
    numbers : tuple of OutgoingNumber
    """

    roi_id: str
    tracking_uid: str
    segment: tuple[Dataset, int] | None
    parameters: tuple[str, ...]
    numbers: tuple[OutgoingNumber, ...]


@dataclass(frozen=True)
class OutgoingReport:
    """What a report is made of.

    Attributes
    ----------
    case_id, timepoint : str
    groups : tuple of OutgoingGroup
    calls : tuple of ResponseCall
        Of the subject at the timepoint.
    calls_uid : str
        UID under which they are followed: that of the subject.
    images : tuple of Dataset
        Headers of the images, under the identity of the report.
    derived : tuple of Dataset
        Segmentations, and maps.
    software_version : str
        Of the run.
    """

    case_id: str
    timepoint: str
    groups: tuple[OutgoingGroup, ...]
    calls: tuple[ResponseCall, ...]
    calls_uid: str
    images: tuple[Dataset, ...]
    derived: tuple[Dataset, ...]
    software_version: str = __version__


def measurement_report(
    source: OutgoingReport, identity: OutgoingIdentity, created: datetime, uids: Mapping[str, Any]
) -> Dataset:
    """Return a Comprehensive 3D SR; the same source, UIDs and time give the same bytes.

    Parameters
    ----------
    source : OutgoingReport
    identity : OutgoingIdentity
        Whom the object names.
    created : datetime
    uids : mapping
        ``series_instance_uid`` and ``sop_instance_uid``.

    Raises
    ------
    NotExportedError
        ``EXPORT-HEADER``.
    """
    from highdicom.sr import Comprehensive3DSR, MeasurementReport, ObservationContext
    from pydicom.sr.codedict import codes

    modality = str(source.images[0].get("Modality", ""))
    with built(source.case_id):
        content = MeasurementReport(
            observation_context=ObservationContext(observer_device_context=_observer(source)),
            procedure_reported=_code(CodedName(*_PROCEDURES.get(modality, _ANY_PROCEDURE))),
            imaging_measurements=[
                *(_group(one, source) for one in source.groups),
                *(_call(one, source) for one in source.calls),
            ],
            title=codes.DCM.ImagingMeasurementReport,
        )
        written: Any = Comprehensive3DSR(
            evidence=[*source.images, *source.derived],
            content=content[0],
            series_number=SERIES_NUMBER,
            instance_number=1,
            manufacturer=OWN_MANUFACTURER,
            is_complete=True,
            series_description="Measurements",
            **uids,
        )
    identity.complete(written, source.images[0])
    written.ManufacturerModelName = OWN_MANUFACTURER
    written.SoftwareVersions = __version__
    settle(written, created)
    return written  # type: ignore[no-any-return]


def _observer(source: OutgoingReport) -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    version = source.software_version
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[OWN_MANUFACTURER, version]),
            name=f"{OWN_MANUFACTURER} {version}",
            manufacturer_name=OWN_MANUFACTURER,
            model_name=OWN_MANUFACTURER,
        ),
    )


def _group(one: OutgoingGroup, source: OutgoingReport) -> Any:
    from highdicom import sr

    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=one.tracking_uid, identifier=label_of(one.roi_id)
        ),
        "time_point_context": sr.TimePointContext(time_point=source.timepoint or "unknown"),
        "algorithm_id": sr.AlgorithmIdentification(
            OWN_MANUFACTURER, source.software_version, list(one.parameters)
        ),
        "measurements": [_measurement(number) for number in one.numbers],
    }
    if one.segment is None:
        return sr.MeasurementsAndQualitativeEvaluations(**common)
    segmentation, number = one.segment
    series = segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(series),
        ),
        **common,
    )


def _call(one: ResponseCall, source: OutgoingReport) -> Any:
    """Return a call as an evaluation without a number; its words are those of the criterion."""
    from highdicom import sr
    from pydicom.sr.codedict import codes

    reader = [f"reader={one.reader}"] if one.reader else []
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=source.calls_uid, identifier=label_of(f"response {one.criterion}")
        ),
        time_point_context=sr.TimePointContext(time_point=source.timepoint or "unknown"),
        algorithm_id=sr.AlgorithmIdentification(
            OWN_MANUFACTURER, source.software_version, [f"criterion={one.criterion}", *reader]
        ),
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                name=codes.DCM.CurrentResponse,
                value=_code(CodedName(one.overall, OWN_SCHEME, label_of(one.overall))),
            )
        ],
    )


def _measurement(number: OutgoingNumber) -> Any:
    from highdicom import sr

    name, derivation = number.concept
    on = number.measured_on
    images = (
        None if on is None else [sr.SourceImageForMeasurement(on.SOPClassUID, on.SOPInstanceUID)]
    )
    return sr.Measurement(
        name=_code(name),
        value=number.value,
        unit=_unit(number.unit),
        derivation=None if derivation is None else _code(derivation),
        algorithm_id=sr.AlgorithmIdentification(
            number.engine, number.engine_version, list(number.parameters)
        ),
        referenced_images=images,
    )


def _unit(unit: str) -> Any:
    return _code(CodedName(unit, "UCUM", _UNIT_MEANINGS.get(unit, unit)))


def _code(name: CodedName) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(name.value, name.scheme, name.meaning)


def numbers_of(groups: Sequence[OutgoingGroup]) -> int:
    """Return how many numbers groups hold."""
    return sum(len(one.numbers) for one in groups)
