"""A folder of copies appears whole, in a free place, and nobody else's is touched."""

from __future__ import annotations

import pytest
from synthetic_patients import KEY, PROFILE, copied, pet

from biomarker_cli.exchange.deidentifying.copies import deidentify
from biomarker_cli.exchange.deidentifying.subjects import Subjects
from biomarker_cli.exchange.errors import ExchangeError, LeakError
from biomarker_cli.exchange.placing import new_folder


def refused(call):
    with pytest.raises(ExchangeError) as caught:
        call()
    return caught.value.code


def test_a_folder_of_others_stays_as_it_was(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    other = tmp_path / "out" / "mine.txt"
    other.parent.mkdir()
    other.write_text("kept")
    assert refused(lambda: copied(tmp_path / "in", tmp_path / "out")) == "OUTPUT-EXISTS"
    assert other.read_text() == "kept"
    assert [*other.parent.iterdir()] == [other]


def test_one_that_came_while_the_copies_were_made_stays_too(tmp_path):
    def made_meanwhile():
        with new_folder(tmp_path / "out") as part:
            (part / "copy").write_text("")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "mine.txt").write_text("kept")

    assert refused(made_meanwhile) == "OUTPUT-EXISTS"
    assert [one.name for one in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_a_link_that_leads_nowhere_has_the_name(tmp_path):
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    pet(tmp_path / "in" / "a.dcm")
    assert refused(lambda: copied(tmp_path / "in", tmp_path / "out")) == "OUTPUT-EXISTS"


def test_nothing_has_the_name_before_the_check_is_over(tmp_path, monkeypatch):
    pet(tmp_path / "in" / "a.dcm")
    seen = []

    def look(*_):
        seen.append((tmp_path / "out").exists())
        return "(0010,0010)"

    monkeypatch.setattr("biomarker_cli.exchange.deidentifying.leaks.Originals.found_in", look)
    with pytest.raises(LeakError):
        copied(tmp_path / "in", tmp_path / "out")
    assert seen == [False]
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    pet(tmp_path / "in" / "a.dcm")
    monkeypatch.setattr("biomarker_cli.exchange.deidentifying.leaks.Originals.found_in", stopped)
    with pytest.raises(KeyboardInterrupt):
        copied(tmp_path / "in", tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(("output", "link"), [("in/out", "l.csv"), ("out", "out/l.csv")])
def test_sources_copies_and_link_lie_apart(tmp_path, output, link):
    pet(tmp_path / "in" / "a.dcm")
    places = (tmp_path / output, tmp_path / link)
    code = refused(lambda: deidentify(tmp_path / "in", *places, PROFILE, Subjects(KEY)))
    assert code == "DEID-PLACE"


def test_an_earlier_link_is_not_written_over(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    (tmp_path / "out.link.csv").write_text("kept")
    assert refused(lambda: copied(tmp_path / "in", tmp_path / "out")) == "OUTPUT-EXISTS"
    assert (tmp_path / "out.link.csv").read_text() == "kept"
    assert not (tmp_path / "out").exists()
