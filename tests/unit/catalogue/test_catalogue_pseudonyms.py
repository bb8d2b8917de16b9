"""Digests of PatientIDs tell persons apart and do not lead back to them."""

from __future__ import annotations

import hashlib

from biomarker_cli.catalogue import pseudonyms


def _fresh(monkeypatch, folder):
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(folder))
    pseudonyms.person_key.cache_clear()
    pseudonyms._secret.cache_clear()


def _id(text):
    return pseudonyms.Person.of_key(pseudonyms.person_key(text, "", "", "")).patient_id


def test_one_id_has_one_digest_as_long_as_the_key_is_kept(monkeypatch, tmp_path):
    _fresh(monkeypatch, tmp_path / "a")
    first = _id("12345")
    _fresh(monkeypatch, tmp_path / "a")
    assert _id("12345") == first
    assert _id("12346") != first


def test_the_digest_cannot_be_found_by_trying_ids(monkeypatch, tmp_path):
    _fresh(monkeypatch, tmp_path / "a")
    digest = _id("12345")
    assert digest != hashlib.sha256(b"12345").hexdigest()
    _fresh(monkeypatch, tmp_path / "b")
    assert _id("12345") != digest
    assert (tmp_path / "b" / "patient.key").stat().st_mode & 0o077 == 0
