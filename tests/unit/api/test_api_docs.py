"""docs/python.md is run as it stands."""

from __future__ import annotations

import doctest
from pathlib import Path

import biomarker_cli as bm

PAGE = Path(__file__).resolve().parents[3] / "docs" / "python.md"


def test_the_examples_give_what_they_show(tmp_path, monkeypatch, sample_dir):
    (tmp_path / "sample_data").symlink_to(sample_dir)
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8").replace("```", "\n")
    found = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(found.examples) > 15
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(found, out=said.append)
    assert not runner.failures, "".join(said)


def test_every_public_function_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert sorted(bm.__all__) == sorted(bm._ROOM_OF) == dir(bm)
    for name in bm.__all__:
        assert f"| `bm.{name}(" in text
        assert callable(getattr(bm, name))
        assert getattr(bm, name).__doc__
