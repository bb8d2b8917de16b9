"""Whom the DICOM objects of a case name when they leave without a study."""

from __future__ import annotations

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.catalogue.pseudonyms import Person, user_key
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap, pseudonym


def identity_of(plan: CasePlan, *, keep: bool) -> OutgoingIdentity:
    """Return the identity under which the maps of a single case leave.

    Without a study the key is that of the user, and the subject a pseudonym made
    with it: objects of two patients must not meet under one name in an archive.
    """
    if keep or not plan.volumes:
        return OutgoingIdentity()
    key = user_key()
    patients = {
        Person.of_key(digests).patient_id for one in plan.volumes for digests in one.patient_keys
    } - {""}
    named = patients or {one.study_uid for one in plan.volumes}
    return OutgoingIdentity(f"S-{pseudonym(key, ' '.join(sorted(named)))}", UidMap(key))
