"""Digests of who a patient is: they tell persons apart and do not lead back to them.

Ids, names and dates of birth are short, so that a plain digest could be guessed by
trying all of them. The digest is keyed with random bytes of this user, kept beside
the index; digests of two users, or from before and after the folder was deleted,
do not compare. They stay in memory and in the index, and leave with no table.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.model.environment import named_folder, unusable_folder
from biomarker_cli.model.wording import quoted

_VARIABLE = "BIOMARKER_CACHE_DIR"
_KEY_BYTES = 32
_DIGEST_DIGITS = 32


def cache_folder() -> Path:
    """Return the user's cache folder, or the one that ``BIOMARKER_CACHE_DIR`` names.

    Raises
    ------
    ConfigurationError
        ``ENVIRONMENT-FOLDER``.
    """
    named = named_folder(_VARIABLE)
    if named is not None:
        return named
    import platformdirs

    return Path(platformdirs.user_cache_dir("biomarker"))


def user_key() -> bytes:
    """Return the key of this user: what is written without a study is keyed with it.

    Raises
    ------
    ConfigurationError
        ``ENVIRONMENT-FOLDER`` where a variable names its folder, which holds none and
        cannot be given one.
    """
    return _secret(cache_folder())


class Person(NamedTuple):
    """Digests of what a header says of its patient; empty where it says nothing."""

    patient_id: str
    name: str
    birth_date: str
    sex: str

    @property
    def key(self) -> str:
        """The digests in one text, as the index keeps them."""
        return ".".join(self)

    @classmethod
    def of_key(cls, key: str) -> Person:
        """Return the digests of a text."""
        return cls._make(key.split("."))

    def conflicts(self, other: Person) -> list[str]:
        """Return the elements beside the id in which both say something else."""
        return [
            keyword
            for field, keyword in PERSON_KEYWORDS.items()
            if "" not in (pair := {getattr(self, field), getattr(other, field)}) and len(pair) > 1
        ]


PERSON_KEYWORDS = {
    "name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
}
"""Element by field of `Person`: what a person has one of, whatever the PatientID."""

NOBODY = Person("", "", "", "").key


@lru_cache(maxsize=4096)
def person_key(patient_id: str, name: str, birth_date: str, sex: str) -> str:
    """Return the digests of a patient, as the index keeps them.

    Blanks around an id say nothing; capitals, blanks and the separators of a name
    say nothing of a person.
    """
    said = (
        patient_id.strip(),
        normal_name(name),
        re.sub(r"[^0-9]", "", birth_date),
        sex.strip().upper(),
    )
    return Person._make(map(_digest, Person._fields, said)).key


def normal_name(name: str) -> str:
    """Return a name as it is compared: ``DOE^JOHN`` and ``Doe John`` are one.

    Of several representations (PS3.5, 6.2.1) the first that says something counts.
    """
    groups = [re.sub(r"[\s^,.]+", " ", part).strip() for part in name.split("=")]
    first = next(filter(None, groups), "")
    return unicodedata.normalize("NFKC", first).casefold()


def _digest(field: str, value: str) -> str:
    if not value:
        return ""
    text = f"{field}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.new(user_key(), text, hashlib.sha256).hexdigest()[:_DIGEST_DIGITS]


@lru_cache(maxsize=8)
def _secret(folder: Path) -> bytes:
    path = folder / "patient.key"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # Whole under another name first: a second process never reads half a key.
        fresh = folder / f"patient.{secrets.token_hex(8)}.part"
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(fresh, path)  # fails where another process was first
        except OSError:
            if not path.exists():
                fresh.replace(path)
        fresh.unlink(missing_ok=True)
    try:
        key = path.read_bytes()
    except OSError:
        key = b""
    if len(key) == _KEY_BYTES:
        return key
    if _VARIABLE in os.environ:
        # Several processes are to have one key, and each would have its own.
        raise unusable_folder(_VARIABLE, f"holds no key and takes none: {quoted(str(folder))}")
    # Without a folder there is no index either: the key of this process will do.
    return secrets.token_bytes(_KEY_BYTES)
