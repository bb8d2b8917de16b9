"""Write maps as DICOM Parametric Maps: values, place, unit and source.

References
----------
DICOM PS3.3 A.75 (Parametric Map), C.7.6.16.2.11 (Real World Value Mapping).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.derived import source_headers
from biomarker_cli.dicom.identity import OWN_MANUFACTURER, OutgoingIdentity
from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.frame_places import frame_places
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.quantity import Quantity
from biomarker_cli.model.version import __version__

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SERIES_NUMBER = 9000

_NARROWEST_WINDOW = 1e-9
"""A window must have a width, also where a map has one value."""

OWN_EQUIPMENT: Mapping[str, Any] = MappingProxyType(
    {
        "manufacturer": OWN_MANUFACTURER,
        "manufacturer_model_name": OWN_MANUFACTURER,
        "software_versions": __version__,
        "device_serial_number": "0",
    }
)
"""Equipment of every object that this program writes, by the names of highdicom's arguments."""

_LONG_STRING = 64
_DUMMY = ("19000101", "000000")
"""Date and time that are nobody's."""

_CODE_STRING = 16


def write_parametric_map(
    one: QuantityMap, path: Path, identity: OutgoingIdentity, analysis: str
) -> None:
    """Write a map as a DICOM Parametric Map.

    Parameters
    ----------
    one, identity, analysis
        As `parametric_map` takes them.
    path : Path

    Raises
    ------
    ImageFileError
        ``MAP-NO-SOURCE`` for a map that did not come from DICOM.
    """
    written = parametric_map(one, identity, analysis)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as stream:
        written.save_as(stream)


def parametric_map(one: QuantityMap, identity: OutgoingIdentity, analysis: str) -> Dataset:
    """Return a map as a DICOM Parametric Map with its UCUM unit.

    Values are stored as they are (float64) and mapped one to one, so that every
    reader sees the unit. UIDs follow from the source and the derivation, and no
    clock is asked: the same map under the same identity is the same bytes.

    Parameters
    ----------
    one : QuantityMap
        Of a volume that came from DICOM.
    identity : OutgoingIdentity
        Whom the object names.
    analysis : str
        ``id@version`` of the analysis protocol.

    Raises
    ------
    ImageFileError
        ``MAP-NO-SOURCE`` for a map that did not come from DICOM.
    """
    from highdicom.pm import ParametricMap

    volume = one.volume
    if not volume.frames:
        raise ImageFileError(
            "MAP-NO-SOURCE",
            "a map from an image file has no patient and study to refer to",
            where=volume.volume_id,
            hint="Write it as NIfTI.",
        )
    values = np.ascontiguousarray(volume.as_float64())
    with warnings.catch_warnings():
        # It warns about unusual names of patients, and would print them.
        warnings.simplefilter("ignore")
        written: Any = ParametricMap(
            source_images=source_headers(volume.frames, identity),
            pixel_array=values,
            series_number=SERIES_NUMBER,
            instance_number=1,
            series_description=f"{one.image.upper()} {analysis}"[:_LONG_STRING],
            contains_recognizable_visual_features=False,
            content_label=_label(one.image),
            content_description=volume.quantity.title[:_LONG_STRING],
            **_uids(one, identity),
            **OWN_EQUIPMENT,
            **frame_places(volume.geometry, range(volume.geometry.shape[0])),
            **_meaning(one.image, volume.quantity, _range(values)),
        )
    identity.complete(written, volume.frames.first.dataset)
    _settle(written, identity, volume.frames.first.dataset)
    # Required, empty where unknown, for objects that name no laterality of their frames.
    written.Laterality = ""
    return written  # type: ignore[no-any-return]


def _uids(one: QuantityMap, identity: OutgoingIdentity) -> dict[str, Any]:
    from pydicom.uid import generate_uid

    made_of = [one.volume.volume_id, one.image, json.dumps(one.derivation, sort_keys=True)]
    words = {"series_instance_uid": "series", "sop_instance_uid": "instance"}
    return {
        name: identity.uid(generate_uid(entropy_srcs=[word, *made_of]))
        for name, word in words.items()
    }


def _settle(written: Any, identity: OutgoingIdentity, source: Dataset) -> None:
    """Make an object of one UID the same object, whenever it is written.

    A map is of the time at which its source was acquired; where no date of the source may
    leave, the date that must be there is a dummy (PS3.15 E.1).
    """
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        written.pop(keyword, None)
    day, clock = _DUMMY
    for stem in ("Content", "Acquisition", "Series") if identity.uids is None else ():
        said = str(source.get(f"{stem}Date", "") or ""), str(source.get(f"{stem}Time", "") or "")
        if all(said):
            day, clock = said
            break
    written.ContentDate, written.ContentTime = day, clock
    for item in written.get("ContributingEquipmentSequence", ()):
        item.pop("ContributionDateTime", None)
    name_dimensions(written, identity)


def name_dimensions(written: Any, identity: OutgoingIdentity) -> None:
    """Give the dimensions of an object a UID that follows from its own."""
    from pydicom.uid import generate_uid

    place = generate_uid(entropy_srcs=["dimensions", str(written.SOPInstanceUID)])
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in written.get(keyword, ()):
            item.DimensionOrganizationUID = identity.uid(place)


def _label(image: str) -> str:
    return image.upper()[:_CODE_STRING]


def _meaning(image: str, quantity: Quantity, limits: tuple[float, float]) -> dict[str, Any]:
    """Return what says what the values mean, and which of them to show."""
    from highdicom import VOILUTTransformation
    from highdicom.pm import RealWorldValueMapping
    from pydicom.sr.coding import Code

    low, high = limits
    definition = None
    if quantity.dicom_meaning:
        definition = Code(quantity.dicom_code, "DCM", quantity.dicom_meaning)
    mapping = RealWorldValueMapping(
        lut_label=_label(image),
        lut_explanation=quantity.title[:_LONG_STRING],
        unit=Code(quantity.unit, "UCUM", quantity.unit),
        value_range=limits,
        slope=1.0,
        intercept=0.0,
        quantity_definition=definition,
    )
    window = VOILUTTransformation(
        window_center=(low + high) / 2.0,
        window_width=max(high - low, _NARROWEST_WINDOW),
        # The plain linear function wants a width of at least 1 (PS3.3 C.11.2.1.2).
        voi_lut_function="LINEAR_EXACT",
    )
    return {"real_world_value_mappings": [mapping], "voi_lut_transformations": [window]}


def _range(values: FloatArray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
