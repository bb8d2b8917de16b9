"""Digests of PatientIDs: they tell persons apart and do not lead back to them.

Ids are short, so that a plain digest could be guessed by trying all of them. The
digest is keyed with random bytes of this user, kept beside the index; digests of
two users, or from before and after the folder was deleted, do not compare. They
stay in memory and in the index, and leave with no table.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

_KEY_BYTES = 32


def cache_folder() -> Path:
    """Return the user's cache folder, or the one that ``BIOMARKER_CACHE_DIR`` names."""
    named = os.environ.get("BIOMARKER_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("biomarker"))


@lru_cache(maxsize=4096)
def patient_key(patient_id: str) -> str:
    """Return the digest of a PatientID."""
    return hmac.new(_secret(cache_folder()), patient_id.encode(), hashlib.sha256).hexdigest()


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
    # Without a folder there is no index either: the key of this process will do.
    return key if len(key) == _KEY_BYTES else secrets.token_bytes(_KEY_BYTES)
