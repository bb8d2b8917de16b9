"""What identifies a case, and the name of its files.

Site, subject, timepoint and role make up file names, so that they must be fit for
every file system that a study may be copied to.
"""

from __future__ import annotations

import hashlib
import re

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What site, subject, timepoint and role may look like."""

LONGEST_ID = 64
"""Letters: what DICOM admits for a PatientID (LO)."""

LONGEST_NAMED = 1000
"""Letters of an id that is still named in a row of its own as too long."""

_LONGEST_STEM = 160
_DIGEST_DIGITS = 16

# Reserved on Windows with any ending (Microsoft, Naming Files, Paths, and Namespaces).
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def problem_of_id(text: str) -> str:
    """Return why an id cannot name files; empty where it can."""
    if not IDENTIFIER.fullmatch(text):
        return "letters, digits, dot, dash and underscore only"
    if text.endswith("."):
        return "a name that ends with a dot loses it on Windows"
    if _DEVICE.match(text):
        return "on Windows this names a device, no file"
    if len(text) > LONGEST_NAMED:
        return f"at most {LONGEST_ID} letters"
    return ""


def file_stem(case_id: str) -> str:
    """Return the name of the files of a case, without ending.

    A name that no file system would take ends in a digest of the whole.
    """
    stem = case_id.replace("/", "__")
    if len(stem) <= _LONGEST_STEM:
        return stem
    digest = hashlib.sha256(stem.lower().encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{stem[:_LONGEST_STEM]}-{digest}"
