"""One DICOM object: read whole, refused where no rule can clean it, written anew."""

from __future__ import annotations

import io
import re
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.deflated import MeasuredContent
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.headers import ELEMENT_ERRORS, PARSER_ERRORS
from biomarker_cli.exchange.deidentifying.compressed_streams import CLEANED, TAKEN, without_comments
from biomarker_cli.exchange.deidentifying.profile import ProfileFile
from biomarker_cli.exchange.errors import ObjectRefusedError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_LONGEST_UID = 64
_UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_OVERLAYS, _OVERLAY_BIT = 0x60000000, 0x0102
PARTS_OF_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, double float and integer pixels; all else of that group goes."""

_IMAGES = "1.2.840.10008.5.1.4.1.1."
_WITH_SKIN = frozenset(_IMAGES + one for one in ("2", "2.1", "4", "4.1", "128", "130"))
"""CT, MR and PET, enhanced as well."""

_WITHOUT_FACE = frozenset(
    {
        *("ABDOMEN", "ANKLE", "ARM", "BLADDER", "BREAST", "CHEST", "CHESTABDOMEN"),
        *("ELBOW", "EXTREMITY", "FOOT", "HAND", "HEART", "HIP", "KIDNEY", "KNEE", "LEG", "LIVER"),
        *("LSPINE", "LUNG", "PANCREAS", "PELVIS", "PROSTATE", "RECTUM", "SHOULDER", "THIGH"),
        *("THORAX", "TSPINE", "UTERUS", "WRIST", "ABDOMENPELVIS", "CHESTABDPELVIS", "CERVIX"),
    }
)
"""Values of BodyPartExamined (PS3.16 Annex L) without the head."""

WRITING_ERRORS = (ValueError, OverflowError, struct.error)


def read_object(content: bytes) -> Dataset:
    """Return the object in the bytes of a file, with its pixels.

    Raises
    ------
    ObjectRefusedError
        ``DEID-NOT-DICOM``, ``DEID-UNREADABLE``.
    """
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dcmread(MeasuredContent(content, Path()))
    except HeaderError as error:
        why = "the object would inflate beyond measure"
        raise ObjectRefusedError("DEID-UNREADABLE", why) from error
    except InvalidDicomError as error:
        raise ObjectRefusedError("DEID-NOT-DICOM", "the file is no DICOM") from error
    except (*PARSER_ERRORS, OSError) as error:
        raise ObjectRefusedError("DEID-UNREADABLE", "the object cannot be read") from error


def decoded(dataset: Dataset, tag: Any) -> DataElement | None:
    """Return an element, None where its bytes are not what its VR says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            element: DataElement = dataset[tag]
    except ELEMENT_ERRORS:
        return None
    return element


def has_its_vr(element: DataElement) -> bool:
    """Tell whether an element has a VR that the dictionary gives it."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    tag = element.tag
    return dictionary_has_tag(tag) and element.VR in dictionary_VR(tag).split(" or ")


def stored_element(dataset: Dataset, tag: Any) -> Any:
    """Return an element with the bytes that it came with, None where it has no VR."""
    try:
        return dataset.get_item(tag)
    except ELEMENT_ERRORS:
        return None


def stored_bytes(dataset: Dataset, tag: Any) -> tuple[str, bytes]:
    """Return VR and bytes of an element as the file has them; empty where it was decoded."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    stored = stored_element(dataset, tag)
    if stored is None or not isinstance(stored.value, bytes):
        return "", b""
    # Of implicit VR the dictionary says what an element is.
    return stored.VR or (dictionary_VR(tag) if dictionary_has_tag(tag) else ""), stored.value


def plain_numbers(dataset: Dataset, tag: Any) -> str | None:
    """Return a DS or IS as the file has it, None where it is another element or was decoded.

    A structure set has a million of them: as text they cost a tenth.
    """
    vr, content = stored_bytes(dataset, tag)
    return content.decode("latin-1") if vr in {"DS", "IS"} else None


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an element as text, empty where it is absent or cannot be read."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return ""
    element = decoded(dataset, tag)
    if element is None or element.value is None or element.VR == "SQ":
        return ""
    return str(element.value).strip(" \0")


def require_taken(dataset: Dataset, profile: ProfileFile) -> None:
    """Refuse an object that a profile does not take, or that no rule can clean.

    Raises
    ------
    ObjectRefusedError
        ``DEID-UIDS``, ``DEID-OBJECT``, ``DEID-BURNED-IN``, ``DEID-PIXELS``, ``DEID-FACE``.
    """
    _require_uids(dataset)
    if text_of(dataset, "SOPClassUID") not in profile.sop_classes:
        raise ObjectRefusedError(
            "DEID-OBJECT", "the profile takes no object of this kind", hint="It stays behind."
        )
    if text_of(dataset, "ConversionType"):
        raise ObjectRefusedError("DEID-OBJECT", "a secondary capture stays behind")
    if text_of(dataset, "BurnedInAnnotation").upper() == "YES":
        raise ObjectRefusedError("DEID-BURNED-IN", "text is burned into the pixels")
    if _has_embedded_overlay(dataset):
        raise ObjectRefusedError("DEID-BURNED-IN", "an overlay lies in spare bits of the pixels")
    _require_pixels_alone(dataset)
    if profile.recognisable_features == "refuse" and may_show_face(dataset):
        raise ObjectRefusedError("DEID-FACE", "a face may be rendered from the image")


def may_show_face(dataset: Dataset) -> bool:
    """Tell whether a face may be rendered from an image, where its header does not exclude it.

    A part of the body that is not said, or is said in other words, may be the head.
    """
    if text_of(dataset, "SOPClassUID") not in _WITH_SKIN:
        return False
    return text_of(dataset, "BodyPartExamined").upper().replace(" ", "") not in _WITHOUT_FACE


def _require_uids(dataset: Dataset) -> None:
    from pydicom.datadict import tag_for_keyword
    from pydicom.uid import UID

    syntax = dataset.file_meta.get("TransferSyntaxUID", "")
    if not isinstance(syntax, str) or not UID(syntax).is_transfer_syntax:
        raise ObjectRefusedError("DEID-UIDS", "the file does not say its transfer syntax")
    for keyword in _UIDS:
        uid, element = text_of(dataset, keyword), decoded(dataset, tag_for_keyword(keyword))
        has_vr = element is not None and has_its_vr(element)
        if not has_vr or len(uid) > _LONGEST_UID or not _UID.fullmatch(uid):
            raise ObjectRefusedError("DEID-UIDS", f"{keyword} is no UID")


def _has_embedded_overlay(dataset: Dataset) -> bool:
    # Before 2004 the bits above those of the pixels could hold an overlay (PS3.5, 8.1.2).
    for tag in [t for t in dataset.keys() if t & 0xFF01FFFF == _OVERLAYS | _OVERLAY_BIT]:  # noqa: SIM118
        element = decoded(dataset, tag)
        if element is None or element.value:
            return True
    return False


def _require_pixels_alone(dataset: Dataset) -> None:
    """Refuse pixel data of another length than the header says: nobody knows what else it is."""
    stored = [stored_element(dataset, tag) for tag in PARTS_OF_PIXELS if tag in dataset]
    if None in stored:
        raise ObjectRefusedError("DEID-PIXELS", "the pixel data cannot be read")
    if not stored:
        return
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        _require_taken_syntax(dataset)
        return
    sizes = {"Rows": 1, "Columns": 1, "SamplesPerPixel": 1, "NumberOfFrames": 1}
    try:
        n_values = 1
        for keyword, default in sizes.items():
            n_values *= int(text_of(dataset, keyword) or default)
        bits = int(text_of(dataset, "BitsAllocated") or 0)
    except ValueError as error:
        raise ObjectRefusedError("DEID-PIXELS", "the size of the image is unreadable") from error
    for element in stored:
        bits_of = bits or {0x7FE00008: 32, 0x7FE00009: 64}.get(int(element.tag), 0)
        n_bytes = (n_values * bits_of + 7) // 8
        if len(element.value or b"") not in {n_bytes, n_bytes + n_bytes % 2}:
            raise ObjectRefusedError(
                "DEID-PIXELS", "the pixel data are longer or shorter than the header says"
            )


def _require_taken_syntax(dataset: Dataset) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in TAKEN and syntax.is_encapsulated:
        raise ObjectRefusedError("DEID-PIXELS", "streams of that syntax hold more than images")


def put_images_alone(dataset: Dataset) -> None:
    """Blank what the streams of compressed pixel data hold beside the images.

    Raises
    ------
    ObjectRefusedError
        ``DEID-PIXELS``.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in CLEANED or "PixelData" not in dataset:
        return
    try:
        n_frames = int(text_of(dataset, "NumberOfFrames") or 1)
    except ValueError as error:
        raise ObjectRefusedError("DEID-PIXELS", "the number of frames is unreadable") from error
    dataset["PixelData"].value = without_comments(bytes(dataset.PixelData), syntax, n_frames)


def content_of(dataset: Dataset) -> tuple[bytes, str]:
    """Return the bytes of a cleaned object, and its path: mapped UIDs alone.

    Raises
    ------
    ObjectRefusedError
        ``DEID-UNREADABLE`` where what is left cannot be written.
    """
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
    stream = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(stream, enforce_file_format=True)
    except WRITING_ERRORS as error:
        raise ObjectRefusedError("DEID-UNREADABLE", "the copy cannot be written") from error
    parts = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
    return stream.getvalue(), str(Path(*map(str, parts))) + ".dcm"
