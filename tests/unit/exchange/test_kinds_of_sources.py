"""Sources and targets are opened by the same rule: their kind, and who lets us in."""

from __future__ import annotations

import pytest

from biomarker_cli.exchange.fetching.choosing import choose_source
from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.opening import remote_of
from biomarker_cli.exchange.sending.target import target_of

WEB, NODE = "https://pacs.example.org/dicom-web", "dimse://NODE@127.0.0.1:104"


@pytest.fixture(params=[remote_of, target_of], ids=["remote", "target"])
def opened(request):
    return request.param


def test_each_kind_has_a_remote_and_a_target():
    assert [
        type(opened(choose_source(url))).__name__
        for opened in (remote_of, target_of)
        for url in (WEB, NODE)
    ] == ["DicomwebRemote", "DimseRemote", "StowTarget", "StoreTarget"]


def test_a_node_needs_pynetdicom_and_a_service_does_not(monkeypatch, opened):
    monkeypatch.setattr("biomarker_cli.exchange.dimse.peers.find_spec", lambda _: None)
    opened(choose_source(WEB))
    with pytest.raises(SourceError) as info:
        opened(choose_source(NODE))
    assert info.value.code == "FETCH-NO-DIMSE"


@pytest.mark.parametrize("url", [WEB, NODE])
def test_credentials_that_cannot_be_used_open_nothing(monkeypatch, opened, url):
    monkeypatch.setenv("BIOMARKER_SOURCE_ARCHIVE_USER", "me")
    chosen = choose_source(url)._replace(name="archive")
    with pytest.raises(SourceError) as info:
        opened(chosen)
    assert info.value.code == "SOURCE-CREDENTIALS"
