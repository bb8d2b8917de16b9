"""Whom a Spatial Registration object names."""

from __future__ import annotations

from collections.abc import Sequence

from biomarker_cli.catalogue.pseudonyms import PERSON_KEYWORDS, Person, person_key, user_key
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap, pseudonym
from biomarker_cli.imaging.volume import Volume


def identity_of(volumes: Sequence[Volume], *, keep: bool) -> OutgoingIdentity:
    """Return the identity under which an object of some series leaves.

    Without a study the key is that of the user: the subject has the pseudonym that maps
    of the same patient have.

    Parameters
    ----------
    volumes : sequence of Volume
        That came from DICOM.
    keep : bool
        Patient and study of the source.
    """
    if keep:
        return OutgoingIdentity()
    key = user_key()
    patients = {person_of(one).patient_id for one in volumes} - {""}
    studies = {str(one.frames.first.get("StudyInstanceUID", "")) for one in volumes if one.frames}
    named = " ".join(sorted(patients or studies))
    return OutgoingIdentity(f"S-{pseudonym(key, named)}", UidMap(key))


def person_of(volume: Volume) -> Person:
    """Return digests of the patient that the header of a volume names."""
    if not volume.frames:
        return Person("", "", "", "")
    header = volume.frames.first
    said = (str(header.get(word) or "") for word in ("PatientID", *PERSON_KEYWORDS.values()))
    return Person.of_key(person_key(*said))
