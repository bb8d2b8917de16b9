"""Compressed streams: however they are cut into members, the same bytes; never more or less."""

from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.inflating import DAMAGE, gathered, inflated

PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "zlib": zlib.compress}


def read(packed: bytes, encoding: str, n_bytes: int) -> bytes:
    return gathered(inflated(memoryview(packed), encoding), n_bytes).tobytes()


@settings(max_examples=60, deadline=None)
@given(
    members=st.lists(st.binary(max_size=3000), min_size=1, max_size=5),
    encoding=st.sampled_from(["gzip", "bzip2"]),
    n_zeros=st.integers(0, 600),
)
def test_members_are_one_stream(members, encoding, n_zeros):
    packed = b"".join(map(PACK[encoding], members)) + bytes(n_zeros)
    whole = b"".join(members)
    assert read(packed, encoding, len(whole)) == whole
    for wrong in (len(whole) + 1, len(whole) - 1):
        if wrong >= 0:
            with pytest.raises(DAMAGE):
                read(packed, encoding, wrong)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_bytes=st.integers(1, 5000),
    encoding=st.sampled_from(sorted(PACK)),
    data=st.data(),
)
def test_a_stream_that_is_cut_or_goes_on_is_refused(seed, n_bytes, encoding, data):
    whole = np.random.default_rng(seed).integers(0, 4, n_bytes, dtype=np.uint8).tobytes()
    packed = PACK[encoding](whole)
    assert read(packed, encoding, n_bytes) == whole
    cut = data.draw(st.integers(0, len(packed) - 1))
    rest = data.draw(st.binary(min_size=1, max_size=9).filter(any))
    for damaged in (packed[:cut], packed + rest):
        with pytest.raises(DAMAGE):
            read(damaged, encoding, n_bytes)
