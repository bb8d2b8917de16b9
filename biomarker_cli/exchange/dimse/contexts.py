"""What is offered in an association: SOP classes, each in every encoding it may be stored in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext

FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
"""Services of the Study Root Query/Retrieve Information Model (PS3.4 C.6.2)."""

_NEWER_THAN_PYDICOM = {"1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage"}

CONTEXTS_AT_MOST = 128
"""DICOM PS3.8 9.3.2.2: their ids are the odd numbers of one byte."""

COMPRESSED = (
    "1.2.840.10008.1.2.4.50",  # JPEG Baseline
    "1.2.840.10008.1.2.4.51",  # JPEG Extended
    "1.2.840.10008.1.2.4.57",  # JPEG Lossless
    "1.2.840.10008.1.2.4.70",  # JPEG Lossless SV1
    "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Near Lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 Lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # HTJ2K Lossless
    "1.2.840.10008.1.2.4.202",  # HTJ2K Lossless RPCL
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.5",  # RLE
)
PLAIN = (
    "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
    "1.2.840.10008.1.2",  # Implicit VR Little Endian
    "1.2.840.10008.1.2.1.99",  # Deflated
    "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
)
ENCODINGS = PLAIN + COMPRESSED
CLASSES_AT_ONCE = (CONTEXTS_AT_MOST - 1) // len(ENCODINGS)
"""Classes of one association of `one_per_encoding`, beside a service that asks for them."""


def one_per_encoding(classes: Sequence[str]) -> list[PresentationContext]:
    """Return a context for each class and encoding.

    A context that offers several encodings is accepted with one, and what is stored in
    another is then decoded by the peer, or not sent: only a context of its own for each
    brings files as they are stored.

    Parameters
    ----------
    classes : sequence of str
        SOP Class UIDs, at most `CLASSES_AT_ONCE`.
    """
    return [build_context(UID(name), UID(uid)) for name in classes for uid in ENCODINGS]


def one_each(classes: Iterable[str]) -> list[PresentationContext]:
    """Return one context for each class, in whatever encoding the peer chooses.

    Parameters
    ----------
    classes : iterable of str
        SOP Class UIDs; one that stands twice is offered once.
    """
    encodings: list[str | UID] = list(ENCODINGS)
    return [build_context(UID(name), encodings) for name in dict.fromkeys(classes)]


def of_pairs(pairs: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """Return a context for each pair of SOP class and transfer syntax."""
    return [build_context(UID(name), UID(uid)) for name, uid in pairs]


def class_words(sop_class: str) -> str:
    """Return a SOP class as a message names it, with its UID."""
    name = _NEWER_THAN_PYDICOM.get(sop_class) or UID(sop_class).name
    return sop_class if name == sop_class else f"{name} ({sop_class})"


def common_storage_classes() -> list[str]:
    """Return the storage classes that are offered where a peer tells no class.

    Images, segmentations, structure sets, reports and maps: what a study of ours holds.
    """
    return [
        f"1.2.840.10008.5.1.4.1.1.{end}"
        for end in (
            *("2", "2.1", "4", "4.1", "20", "128", "130", "12.1", "1.1", "7"),
            *("66", "66.1", "66.2", "66.3", "66.4", "30", "481.2", "481.3", "481.5"),
            *("88.11", "88.22", "88.33", "88.34", "88.67", "11.1"),
        )
    ]
