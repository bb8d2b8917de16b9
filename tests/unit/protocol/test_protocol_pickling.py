"""A protocol that is sent to a process many times."""

import copy
import pickle
from dataclasses import dataclass

import pytest

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.protocol.pickling import PickledOnce


@dataclass(frozen=True)
class _Counted(PickledOnce):
    """Something that tells when it is taken apart."""

    word: str
    parts: tuple["_Part", ...] = ()


class _Part:
    taken = 0

    def __getstate__(self):
        _Part.taken += 1
        return {"number": 1}


@pytest.mark.parametrize(
    "load", [lambda: load_analysis("fdg-suv"), lambda: load_acquisition("fdg-pet")]
)
def test_a_protocol_comes_back_as_it_was_sent(load):
    sent = load()
    came = pickle.loads(pickle.dumps(sent))
    assert came == sent
    assert type(came) is type(sent)
    assert came.document.sha256 == sent.document.sha256


def test_what_is_sent_twice_is_taken_apart_and_put_together_once():
    one = _Counted("one", (_Part(),))
    before = _Part.taken
    texts = [pickle.dumps(("case", number, one)) for number in range(3)]
    assert _Part.taken == before + 1
    came = [pickle.loads(text)[2] for text in texts]
    assert came[0] is came[1] is came[2]
    assert came[0] is not one


def test_others_are_told_apart():
    sent = [_Counted("one"), _Counted("two"), load_analysis("fdg-suv"), load_analysis("dwi-adc")]
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_what_came_may_be_sent_on_and_copied():
    came = pickle.loads(pickle.dumps(_Counted("one")))
    assert pickle.loads(pickle.dumps(came)) == copy.deepcopy(came) == _Counted("one")
