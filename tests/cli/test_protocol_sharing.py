"""Site protocols on their way: published, taken in, extended, and judged by."""

from __future__ import annotations

import json

import pytest

from tests.synthetic_protocols import protocol_head

RULES = """\
applies_to: {when: {Modality: CT}}
rules:
  - {id: SITE-1, title: Thick, fact: slice_thickness_mm, check: {max: 3}, unit: mm, fix: Thinner}
"""
TESTS = "tests:\n  - {facts: {Modality: CT, slice_thickness_mm: 2}, expect: {SITE-1: pass}}\n"


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(protocol_head(ident="site-ct") + RULES + TESTS)
    return path


def test_a_protocol_that_was_handed_over_judges_a_series(biomarker, site, tmp_path, sample_dir):
    share, mine = tmp_path / "share.zip", tmp_path / "mine"
    done = biomarker("protocol", "publish", site, "fdg-suv", "-o", share)
    assert done.returncode == 0
    source = next(
        line.split()[-1] for line in done.stdout.splitlines() if line.startswith("next: ")
    )
    told = json.loads(biomarker("protocol", "add", source, "-o", mine, "--format", "json").stdout)
    assert [(one["kind"], one["id"], one["is_new"]) for one in told] == [
        ("acquisition", "site-ct", True),
        ("analysis", "fdg-suv", True),
    ]
    share.unlink()
    ct = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    rows = json.loads(
        biomarker("check", ct, "--protocol", told[0]["path"], "--format", "json").stdout
    )
    assert {(row["protocol_sha256"], row["outcome"]) for row in rows} == {
        (told[0]["sha256"], "pass")
    }


def test_what_has_an_error_is_not_published(biomarker, site, tmp_path):
    site.write_text(protocol_head(ident="site-ct") + RULES)
    done = biomarker("protocol", "publish", site, "-o", tmp_path / "share")
    assert done.returncode == 2
    assert "SHARE-LINT" in done.stderr
    assert "untested" in done.stderr
    assert not (tmp_path / "share").exists()


def test_a_changed_share_leaves_nothing(biomarker, site, tmp_path):
    share = tmp_path / "share"
    index = json.loads(
        biomarker("protocol", "publish", site, "-o", share, "--format", "json").stdout
    )
    path = share / "acquisition" / "site-ct" / "0.1.0" / "site.yaml"
    path.write_text(path.read_text().replace("max: 3", "max: 5"))
    done = biomarker("protocol", "add", f"{share}@{index['sha256']}", "-o", tmp_path / "mine")
    assert done.returncode == 2
    assert "SHARE-TAMPERED" in done.stderr
    assert not (tmp_path / "mine").exists()


def test_check_says_that_a_parent_is_a_draft(biomarker, site, tmp_path, sample_dir):
    child = tmp_path / "child.yaml"
    child.write_text(protocol_head(ident="child", status="active") + "extends: site.yaml\n")
    ct = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    done = biomarker("check", ct, "--protocol", child)
    assert done.returncode == 0
    assert "extends a draft: its limits are not confirmed" in done.stdout
