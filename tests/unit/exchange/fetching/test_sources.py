"""Which source is meant, what lets us in, and that no secret stands in the file."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from biomarker_cli.exchange.fetching.choosing import (
    ChosenSource,
    Credentials,
    choose_source,
    credentials_of,
)
from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.sources import DicomwebSource, DimseSource

WEB = DicomwebSource(url="https://pacs.example.org/web")
HEAD = "format: biomarker-sources/1\nsources:\n  a-1:\n    kind: dicomweb\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def code_of(wanted: str, path: Path | None = None) -> tuple[str, str]:
    with pytest.raises(SourceError) as raised:
        choose_source(wanted, path)
    return raised.value.code, str(raised.value)


def test_a_name_stands_for_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    path = write(
        tmp_path,
        f"{HEAD}    url: https://h:8443/web/\n    ca_file: ca.pem\n"
        "  node:\n    kind: dimse\n    host: 10.0.0.1\n    port: 104\n    called_ae: A\n",
    )
    chosen = choose_source("a-1", path)
    assert chosen == ChosenSource(
        "a-1", DicomwebSource(url="https://h:8443/web", ca_file=str(tmp_path / "ca.pem"))
    )
    node = choose_source("node", path).source
    assert isinstance(node, DimseSource)
    assert (node.called_ae, node.calling_ae, node.retrieve) == ("A", "BIOMARKER", "get")


@pytest.mark.parametrize(
    "key", ["password", "Token", "api_key", "client_secret", "key_passphrase", "credentials"]
)
def test_a_secret_in_the_file_is_refused_by_name_and_not_quoted(key: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"{HEAD}    url: https://h/web\n    {key}: hunter2\n")
    code, text = code_of("a-1", path)
    assert code == "SOURCE-FILE"
    assert "secret does not belong" in text
    assert "hunter2" not in text


def test_a_source_may_be_called_what_a_secret_is(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD.replace("a-1", "token") + "    url: https://h/web\n")
    assert choose_source("token", path).name == "token"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "format: biomarker-sources/1\n",
        "format: biomarker-sources/2\nsources: {}\n",
        "format: biomarker-sources/1\nsources: {}\n",
        "format: biomarker-sources/1\nsources: [1]\n",
        "format: biomarker-sources/1\nsources: {a: {kind: ftp, url: 'ftp://h'}}\n",
        f"{HEAD}    url: https://h/web\n    ca_file: absent.pem\n",
        f"{HEAD}    url: https://h/web\n    idle_timeout_s: 0\n",
        f"{HEAD}    url: https://h/web\n    idle_timeout_s: .inf\n",
        f"{HEAD}    url: https://h/web\n    client_key: k.pem\n",
        f"{HEAD}    url: https://h/web\n    verify: false\n",
        HEAD.replace("a-1", "A_1") + "    url: https://h/web\n",
    ],
)
def test_a_file_that_cannot_be_used_is_named(text: str, tmp_path: Path) -> None:
    assert code_of("a-1", write(tmp_path, text))[0] == "SOURCE-FILE"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pw@h/web",
        "https://h/web?x=1",
        "https://h/web#x",
        "ftp://h/web",
        "https:///web",
        "https://h:99999/web",
        "https://h\\@evil/web",
        "https://h/we b",
        "https://h/\x1b[2J",
        "dimse://A@h",
        "dimse://h:104",
        "dimse://A@h:104/x",
        "dimse://ABCDEFGHIJKLMNOPQ@h:104",
        "dimse://A@:104",
        "dimse://A@h:0",
        "dimse://me:pw@h:104",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    code, text = code_of(url)
    assert code == "SOURCE-URL"
    assert "pw" not in text


def test_a_url_stands_for_itself() -> None:
    assert choose_source("https://h/web/").source == DicomwebSource(url="https://h/web")
    assert choose_source("https://[::1]:8042/web").source == DicomwebSource(
        url="https://[::1]:8042/web"
    )
    node = choose_source("dimse://MY PACS@10.1.1.1:104").source
    assert node == DimseSource(host="10.1.1.1", port=104, called_ae="MY PACS")


def test_the_file_of_the_folder_comes_before_that_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    assert code_of("a-1")[0] == "SOURCE-UNKNOWN"
    user = tmp_path / "config" / "biomarker"
    user.mkdir(parents=True)
    write(user, f"{HEAD}    url: https://of-user/web\n")
    assert choose_source("a-1").source == DicomwebSource(url="https://of-user/web")
    write(tmp_path, f"{HEAD}    url: https://here/web\n").rename("biomarker-sources.yaml")
    assert choose_source("a-1").source == DicomwebSource(url="https://here/web")
    code, text = code_of("b")
    assert code == "SOURCE-UNKNOWN"
    assert "a-1" in text


def test_credentials_come_from_the_environment_by_the_name() -> None:
    stem = "BIOMARKER_SOURCE_A_1_"
    both = {f"{stem}USER": "me", f"{stem}PASSWORD": "pw"}
    assert credentials_of(ChosenSource("a-1", WEB), both) == Credentials("me", "pw")
    assert credentials_of(ChosenSource("b", WEB), both) == Credentials()
    token = credentials_of(ChosenSource("a-1", WEB), {f"{stem}TOKEN": "t"})
    assert token == Credentials(token="t")
    assert "pw" not in repr(Credentials("me", "pw"))


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ({"USER": "me"}, "https://h/web"),
        ({"PASSWORD": "pw"}, "https://h/web"),
        ({"USER": "me", "PASSWORD": "pw", "TOKEN": "t"}, "https://h/web"),
        ({"TOKEN": "t\r\nHost: evil"}, "https://h/web"),
        ({"TOKEN": "t"}, "http://h/web"),
        ({"USER": "me", "PASSWORD": "pw"}, "http://10.0.0.1/web"),
        ({"TOKEN": "t"}, "http://127.0.0.1.evil.example/web"),
        ({"TOKEN": "t\u20ac"}, "https://h/web"),
        ({"USER": "me:you", "PASSWORD": "pw"}, "https://h/web"),
    ],
)
def test_credentials_that_are_half_or_would_travel_openly_are_refused(
    said: dict[str, str], url: str
) -> None:
    environment = {f"BIOMARKER_SOURCE_URL_{name}": text for name, text in said.items()}
    with pytest.raises(SourceError) as raised:
        credentials_of(choose_source(url), environment)
    assert raised.value.code == "SOURCE-CREDENTIALS"
    assert not any(text in str(raised.value) for text in ("pw", "evil"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_no_open_road(host: str) -> None:
    said = {"BIOMARKER_SOURCE_URL_TOKEN": "t"}
    assert credentials_of(choose_source(f"http://{host}:8042/web"), said).token == "t"


def test_what_goes_to_this_machine_by_a_proxy_is_on_an_open_road() -> None:
    source = DicomwebSource(url="http://127.0.0.1/web", proxy="http://proxy:3128")
    with pytest.raises(SourceError, match="openly"):
        credentials_of(ChosenSource("a", source), {"BIOMARKER_SOURCE_A_TOKEN": "t"})


def test_the_keyring_is_asked_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = types.ModuleType("keyring")
    keyring.errors = types.SimpleNamespace(KeyringError=RuntimeError)  # type: ignore[attr-defined]
    held = {("biomarker/a", "me"): "pw", ("biomarker/b", "token"): "t"}

    def get_password(service: str, user: str) -> str | None:
        if service == "biomarker/locked":
            raise RuntimeError
        return held.get((service, user))

    keyring.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    named = WEB.model_copy(update={"user": "me"})
    assert credentials_of(ChosenSource("a", named), {}) == Credentials("me", "pw")
    assert credentials_of(ChosenSource("b", WEB), {}) == Credentials(token="t")
    assert credentials_of(ChosenSource("locked", WEB), {}) == Credentials()
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert credentials_of(ChosenSource("b", WEB), {}) == Credentials()


def test_a_file_of_sources_beside_a_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a URL is none") as refused:
        choose_source("https://h/web", tmp_path / "sources.yaml")
    assert refused.value.code == "SOURCE-FILE"


@pytest.mark.parametrize("what", ["USER", "PASSWORD", "TOKEN"])
def test_a_variable_that_is_set_and_empty_is_refused(what: str) -> None:
    """A secret that a script never got would have us ask as nobody."""
    full = {"BIOMARKER_SOURCE_A_1_USER": "me", "BIOMARKER_SOURCE_A_1_PASSWORD": "pw"}
    name = f"BIOMARKER_SOURCE_A_1_{what}"
    with pytest.raises(SourceError, match=f"{name} is set and empty") as refused:
        credentials_of(ChosenSource("a-1", WEB), full | {name: ""})
    assert refused.value.code == "SOURCE-CREDENTIALS"
