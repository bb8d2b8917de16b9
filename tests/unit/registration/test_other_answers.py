"""Answers of other starts: one that is more alike fails, one that lost its way does not."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from synthetic_registration import body, motion, moved, quick_protocol

from biomarker_cli.registration import further_answers
from biomarker_cli.registration.alignment import Alignment
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit

_NOTHING_FURTHER = dict.fromkeys(
    ("inverse_consistency_mm", "mirror_gain", "similarity"), FigureLimit()
)


def _answering(monkeypatch, *matrices):
    """Let the alignments of a pair, first that from the header, come to these places."""
    places = iter(matrices)

    def align(fixed, moving, rules, start, centre, known=None):
        return Alignment(next(places), start, 1, "step")

    monkeypatch.setattr(further_answers, "align", align)


def _asked(monkeypatch, *matrices, **checks):
    _answering(monkeypatch, *matrices)
    fixed = body()
    protocol = quick_protocol(**(_NOTHING_FURTHER | checks))
    return register(fixed, moved(fixed, motion()), protocol)


LOST = motion((6.0, -8.0, 5.0), (4.0, -6.0, 48.0))
"""Turned too far by forty degrees."""


def test_a_start_that_lost_its_way_asks_for_a_person_and_does_not_fail(monkeypatch):
    found = _asked(monkeypatch, motion(), motion(), LOST, motion())
    assert found.rois[0].restart_spread_mm > 10
    assert found.restart_gain == pytest.approx(0, abs=1e-9)
    assert (found.status, found.rois[0].verdicts["restart_spread_mm"]) == ("review", "review")


def test_another_start_that_is_more_alike_fails_the_answer(monkeypatch):
    found = _asked(monkeypatch, LOST, LOST, motion(), LOST)
    assert found.restart_gain > 0.1
    assert found.rois[0].verdicts["restart_gain"] == "failed"


@pytest.mark.parametrize(("off_deg", "expected"), [(3.0, "ok"), (8.0, "failed")])
def test_what_an_answer_may_be_turned_too_far(monkeypatch, off_deg, expected):
    off = motion((6.0, -8.0, 5.0), (4.0, -6.0, 8.0 + off_deg))
    found = _asked(monkeypatch, off, off, motion(), off)
    assert found.rois[0].verdicts["restart_gain"] == expected


def test_the_way_back_is_another_answer(monkeypatch):
    back = np.linalg.inv(motion())
    limit = FigureLimit(review=1)
    found = _asked(monkeypatch, LOST, LOST, LOST, LOST, back, inverse_consistency_mm=limit)
    assert found.restart_gain > 0.1
    assert found.rois[0].verdicts["restart_gain"] == "failed"
    assert found.rois[0].verdicts["inverse_consistency_mm"] == "review"


def test_an_answer_that_leaves_the_image_has_no_gain_and_fails(monkeypatch):
    away = motion((500.0, 0.0, 0.0))
    found = _asked(monkeypatch, motion(), motion(), motion(), away)
    assert found.restart_gain is None
    assert found.rois[0].verdicts["restart_gain"] == "failed"


def _matrix_of_seed(seed: int) -> bytes:
    """Return the answer of a pair, in a program that asks for another number of threads."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1 + seed)
    none = dict.fromkeys(("restart_spread_mm", "restart_gain"), FigureLimit())
    fixed = body(seed)
    protocol = quick_protocol(1000, **(_NOTHING_FURTHER | none))
    found = register(fixed, moved(body(seed, noise_seed=2), motion()), protocol)
    assert SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1 + seed
    return found.matrix.tobytes()


def test_one_and_two_jobs_agree():
    seeds = [1, 2]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as two_jobs:
        together = list(two_jobs.map(_matrix_of_seed, seeds))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one_job:
        assert list(one_job.map(_matrix_of_seed, seeds)) == together
    assert together[0] != together[1]
