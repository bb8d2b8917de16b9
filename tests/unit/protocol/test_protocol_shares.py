"""Shares of protocols: what is taken in is what was published, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.protocol.adding import add
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.publishing import publish
from biomarker_cli.protocol.shares import read_share
from tests.synthetic_protocols import protocol_head

ACQUISITION = ProtocolKind.ACQUISITION
RULES = "rules:\n  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms}\n"
PLACE = "acquisition/site/0.1.0/site.yaml"


@pytest.fixture
def own(tmp_path):
    """Write a file of a site and load it."""

    def write(text: str = protocol_head() + RULES, name: str = "site.yaml", folder: str = "own"):
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return load_document(ACQUISITION, str(path))

    return write


@pytest.fixture
def share(tmp_path, own):
    """Publish the file of a site as a folder; return it with its digest."""
    folder = tmp_path / "share"
    return folder, publish([(ACQUISITION, own())], folder).sha256


def code(found) -> str:
    return found.value.code


class TestRoundTrip:
    @pytest.mark.parametrize("name", ["share", "s.zip", "s.tar", "s.tar.gz", "s.tgz"])
    def test_what_is_taken_in_is_what_was_published(self, tmp_path, own, name):
        document = own()
        index = publish([(ACQUISITION, document)], tmp_path / name)
        (added,) = add(f"{tmp_path / name}@{index.sha256}", tmp_path / "mine")
        taken = load_document(ACQUISITION, str(added.path))
        assert added.path == tmp_path / "mine" / PLACE
        assert (taken.ident, taken.sha256) == (document.ident, document.sha256)
        assert added.path.read_bytes() == document.path.read_bytes()

    def test_folder_and_archives_of_the_same_have_one_digest(self, tmp_path, own):
        names = ("share", "s.zip", "s.tar.gz")
        digests = {publish([(ACQUISITION, own())], tmp_path / name).sha256 for name in names}
        assert len(digests) == 1
        again = publish([(ACQUISITION, own())], tmp_path / "again.tar.gz").sha256
        assert {again} == digests
        first, second = (tmp_path / name for name in ("s.tar.gz", "again.tar.gz"))
        assert first.read_bytes() == second.read_bytes()

    def test_two_checkouts_have_one_digest_whatever_their_line_ends(self, tmp_path, share):
        folder, digest = share
        checkout = tmp_path / "windows"
        shutil.copytree(folder, checkout)
        for path in checkout.rglob("*.*"):
            if path.is_file():
                path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert b"\r\n" in (checkout / PLACE).read_bytes()
        assert read_share(checkout).index.sha256 == digest
        (added,) = add(f"{checkout}@{digest}", tmp_path / "mine")
        assert added.path.read_bytes() == (folder / PLACE).read_bytes()

    def test_afterwards_the_share_is_not_needed(self, tmp_path, share):
        folder, digest = share
        (added,) = add(f"{folder}@{digest}", tmp_path / "mine")
        shutil.rmtree(folder)
        assert load_document(ACQUISITION, str(added.path)).header.id == "site"

    def test_a_parent_beside_it_goes_with_it(self, tmp_path, own):
        own(protocol_head(ident="parent") + RULES, "parent.yaml")
        child = own(protocol_head(ident="child") + "extends: parent.yaml\n", "child.yaml")
        index = publish([(ACQUISITION, child)], tmp_path / "share.zip")
        (added,) = add(f"{tmp_path / 'share.zip'}@{index.sha256}", tmp_path / "mine")
        assert load_document(ACQUISITION, str(added.path)).sha256 == child.sha256
        assert (added.path.parent / "parent.yaml").is_file()

    def test_a_folder_is_joined_and_ids_choose(self, tmp_path, own, share):
        folder, first = share
        other = own(protocol_head(ident="other") + RULES, "other.yaml")
        digest = publish([(ACQUISITION, other)], folder).sha256
        assert digest != first
        added = add(f"{folder}@{digest}", tmp_path / "mine", ["other"])
        assert [one.entry.ident for one in added] == ["other@0.1.0"]
        assert len(add(f"{folder}@{digest}", tmp_path / "all")) == 2
        with pytest.raises(ProtocolError, match="It holds") as caught:
            add(f"{folder}@{digest}", tmp_path / "mine", ["third"])
        assert code(caught) == "SHARE-ABSENT"


class TestTampered:
    def refused(self, source: str, target: Path, told: str = "") -> None:
        with pytest.raises(ProtocolError, match=told) as caught:
            add(source, target)
        assert code(caught) == "SHARE-TAMPERED"
        assert not target.exists()

    def test_a_limit_that_was_changed_on_the_way(self, tmp_path, share):
        folder, digest = share
        path = folder / PLACE
        path.write_text(path.read_text().replace("90", "95"))
        self.refused(f"{folder}@{digest}", tmp_path / "mine", "not the one that was published")

    def test_a_file_and_its_digest_changed_together(self, tmp_path, share, own):
        folder, digest = share
        changed = own(protocol_head() + RULES.replace("90", "95"))
        publish([(ACQUISITION, changed)], folder, overwrite=True)
        self.refused(f"{folder}@{digest}", tmp_path / "mine", "not the one that was named")

    def test_a_file_that_is_gone(self, tmp_path, share):
        folder, digest = share
        (folder / PLACE).unlink()
        self.refused(f"{folder}@{digest}", tmp_path / "mine", "is missing")

    def test_an_index_that_gives_another_meaning(self, tmp_path, share):
        folder, _ = share
        index = json.loads((folder / "index.json").read_text())
        index["protocols"][0]["sha256"] = "0" * 64
        (folder / "index.json").write_text(json.dumps(index))
        digest = read_share(folder).index.sha256
        self.refused(f"{folder}@{digest}", tmp_path / "mine", "is read as site@0.1.0")

    def test_an_index_that_calls_it_another_version(self, tmp_path, share):
        folder, _ = share
        index = json.loads((folder / "index.json").read_text())
        index["protocols"][0]["version"] = "9.0.0"
        (folder / "index.json").write_text(json.dumps(index))
        (folder / PLACE).parent.rename(folder / "acquisition/site/9.0.0")
        digest = read_share(folder).index.sha256
        self.refused(f"{folder}@{digest}", tmp_path / "mine", "published was site@9.0.0")

    @pytest.mark.parametrize("extends", ["../../other.yaml", "/etc/other.yaml", "other.yml"])
    def test_a_parent_on_this_machine_that_was_not_published(self, tmp_path, share, extends):
        folder, _ = share
        path = folder / PLACE
        path.write_text(protocol_head() + f"extends: {extends}\n" + RULES)
        from biomarker_cli.protocol.shares import digest_of

        index = json.loads((folder / "index.json").read_text())
        index["protocols"][0]["files"]["site.yaml"] = digest_of(path.read_bytes())
        (folder / "index.json").write_text(json.dumps(index))
        digest = read_share(folder).index.sha256
        with pytest.raises(ProtocolError, match="not published with it") as caught:
            add(f"{folder}@{digest}", tmp_path / "mine")
        assert code(caught) == "SHARE-PARENT"


class TestNothingIsOverwritten:
    def test_a_published_version_stays_as_it_is(self, share, own):
        folder, digest = share
        changed = own(protocol_head() + RULES.replace("90", "95"))
        with pytest.raises(ConfigurationError) as caught:
            publish([(ACQUISITION, changed)], folder)
        assert code(caught) == "OUTPUT-EXISTS"
        assert read_share(folder).index.sha256 == digest
        assert publish([(ACQUISITION, changed)], folder, overwrite=True).sha256 != digest

    def test_the_same_again_is_no_change(self, share, own):
        folder, digest = share
        assert publish([(ACQUISITION, own())], folder).sha256 == digest

    def test_one_version_twice_with_another_content(self, tmp_path, own):
        pair = [(ACQUISITION, own()), (ACQUISITION, own(protocol_head() + RULES * 1, "b.yaml"))]
        with pytest.raises(ConfigurationError, match="named twice"):
            publish(pair, tmp_path / "share")

    def test_an_archive_that_exists(self, tmp_path, own):
        publish([(ACQUISITION, own())], tmp_path / "s.zip")
        with pytest.raises(ConfigurationError) as caught:
            publish([(ACQUISITION, own())], tmp_path / "s.zip")
        assert code(caught) == "OUTPUT-EXISTS"

    def test_a_file_of_mine_with_another_content(self, tmp_path, share):
        folder, digest = share
        (added,) = add(f"{folder}@{digest}", tmp_path / "mine")
        assert added.is_new
        (again,) = add(f"{folder}@{digest}", tmp_path / "mine")
        assert not again.is_new
        added.path.write_text("my own words")
        with pytest.raises(ConfigurationError) as caught:
            add(f"{folder}@{digest}", tmp_path / "mine")
        assert code(caught) == "OUTPUT-EXISTS"
        assert added.path.read_text() == "my own words"
        add(f"{folder}@{digest}", tmp_path / "mine", overwrite=True)
        assert added.path.read_bytes() == (folder / PLACE).read_bytes()


class TestWhatCannotBePublished:
    def test_a_parent_in_another_folder(self, tmp_path, own):
        own(protocol_head(ident="parent") + RULES, "parent.yaml", "elsewhere")
        child = own(protocol_head() + "extends: ../elsewhere/parent.yaml\n")
        with pytest.raises(ProtocolError) as caught:
            publish([(ACQUISITION, child)], tmp_path / "share")
        assert code(caught) == "SHARE-PARENT"

    @pytest.mark.parametrize(
        ("extends", "is_one"),
        [("base-mr@1.0.1", True), ("base-mr@^1.0", False), ("base-mr", False)],
    )
    def test_a_shipped_parent_is_one_version(self, tmp_path, own, extends, is_one):
        child = own(protocol_head() + f"extends: {extends}\n" + RULES)
        if is_one:
            index = publish([(ACQUISITION, child)], tmp_path / "share")
            assert add(f"{tmp_path / 'share'}@{index.sha256}", tmp_path / "mine")
            return
        with pytest.raises(ProtocolError, match=r"extends: base-mr@1\.0\.1") as caught:
            publish([(ACQUISITION, child)], tmp_path / "share")
        assert code(caught) == "SHARE-PARENT"

    def test_a_name_that_no_other_system_takes(self, tmp_path, own):
        with pytest.raises(ProtocolError) as caught:
            publish([(ACQUISITION, own(name="my site.yaml"))], tmp_path / "share")
        assert code(caught) == "SHARE-NAME"


@pytest.mark.parametrize(
    "source", ["share", "share@", "@" + "0" * 64, "share@" + "0" * 63, "share@" + "Z" * 64]
)
def test_a_share_is_named_with_its_whole_digest(tmp_path, source):
    with pytest.raises(ProtocolError) as caught:
        add(source, tmp_path / "mine")
    assert code(caught) == "SHARE-DIGEST"
