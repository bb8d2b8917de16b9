"""Which source is meant on the command line, and what lets us in there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.sources import (
    FORMAT,
    IN_FOLDER,
    OF_A_URL,
    OF_USER,
    DicomwebSource,
    DimseSource,
    SourcesFile,
)
from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.loading import load_model, problem_text

_FILES = ("ca_file", "client_certificate", "client_key")
_VARIABLE = "BIOMARKER_SOURCE_{}_{}"
_FORMS = "https://host/path or dimse://CALLED@host:port"


class ChosenSource(NamedTuple):
    """A source and the name by which its credentials are found."""

    name: str
    source: DicomwebSource | DimseSource


@dataclass(frozen=True)
class Credentials:
    """What lets us in; never printed, never in a file.

    Attributes
    ----------
    user, password, token : str
        Either the first two, or the last.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def are_there(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.user or self.token)


def choose_source(wanted: str, sources_file: Path | None = None) -> ChosenSource:
    """Return the source that a name of the file, or a URL, stands for.

    Parameters
    ----------
    wanted : str
    sources_file : Path, optional
        In its place that of the current folder, or of the user's configuration.

    Raises
    ------
    SourceError
        ``SOURCE-FILE``, ``SOURCE-UNKNOWN``, ``SOURCE-URL``.
    """
    if "://" in wanted:
        if sources_file is not None:
            raise SourceError(
                "SOURCE-FILE",
                "a file of sources says what a name means, and a URL is none",
                where=sources_file.name,
                hint="Leave --sources out, or give a name of that file.",
            )
        return ChosenSource(OF_A_URL, _of_url(wanted))
    path = sources_file or default_file()
    if path is None:
        raise SourceError(
            "SOURCE-UNKNOWN",
            f"there is no file of sources that could say where {quoted(wanted)} is",
            hint=f"Write {IN_FOLDER}, name one with --sources, or give {_FORMS}.",
        )
    listed = load_model(path, SourcesFile, FORMAT, "SOURCE-FILE", SourceError).sources
    if wanted not in listed:
        raise SourceError(
            "SOURCE-UNKNOWN",
            f"no source {quoted(wanted)}; the file has {', '.join(sorted(listed))}",
            where=path.name,
        )
    return ChosenSource(wanted, _with_places(listed[wanted], path.parent))


def default_file() -> Path | None:
    """Return the file of the current folder, or else that of the user, or None."""
    import platformdirs

    places = (Path(IN_FOLDER), Path(platformdirs.user_config_dir("biomarker")) / OF_USER)
    return next((place for place in places if place.is_file()), None)


def _with_places(
    source: DicomwebSource | DimseSource, folder: Path
) -> DicomwebSource | DimseSource:
    """Return a source whose files are found from the folder of the file that names them."""
    places = {}
    for name in _FILES:
        said = getattr(source, name)
        if not said:
            continue
        path = folder / Path(said).expanduser()
        if not path.is_file():
            raise SourceError("SOURCE-FILE", f"{name}: there is no such file", where=str(path))
        places[name] = str(path)
    return source.model_copy(update=places)


def _of_url(url: str) -> DicomwebSource | DimseSource:
    try:
        if not url.startswith("dimse://"):
            return DicomwebSource(url=url)
        parts = urlsplit(url)
        if parts.port is None or parts.path.strip("/") or parts.query or parts.fragment:
            raise SourceError("SOURCE-URL", f"expected {_FORMS}")
        title = parts.netloc.rpartition("@")[0]
        if ":" in title:
            # Of user:password an error would show the half that is none of its business.
            raise SourceError("SOURCE-URL", f"a password does not belong in a URL: {_FORMS}")
        return DimseSource(host=parts.hostname or "", port=parts.port, called_ae=title)
    except ValidationError as error:
        said = problem_text(error.errors(include_url=False, include_input=False)[0]["msg"])
        raise SourceError("SOURCE-URL", said, hint=f"Expected {_FORMS}.") from None
    except ValueError as error:
        raise SourceError("SOURCE-URL", f"expected {_FORMS}") from error


def credentials_of(
    chosen: ChosenSource, environment: Mapping[str, str] | None = None
) -> Credentials:
    """Return what lets us in: of the environment, or of the keyring where it is installed.

    Parameters
    ----------
    chosen : ChosenSource
    environment : mapping of str to str, optional
        ``BIOMARKER_SOURCE_<NAME>_USER``, ``_PASSWORD`` and ``_TOKEN``; ``-`` of the name
        is ``_`` there. The keyring is asked under the service ``biomarker/<name>``, for
        the user and for ``token``.

    Raises
    ------
    SourceError
        ``SOURCE-CREDENTIALS`` where half of them is there, one is empty, or they would
        travel openly.
    """
    said = os.environ if environment is None else environment
    stem = chosen.name.upper().replace("-", "_")
    _require_filled(said, stem)
    user = said.get(_VARIABLE.format(stem, "USER"), "") or getattr(chosen.source, "user", "")
    password = said.get(_VARIABLE.format(stem, "PASSWORD"), "")
    token = said.get(_VARIABLE.format(stem, "TOKEN"), "")
    if user and not password:
        password = _of_keyring(chosen.name, user)
    if not user and not password and not token:
        token = _of_keyring(chosen.name, "token")
    found = Credentials(user, password, token)
    _require_fit(found, chosen, stem)
    return found


def _require_filled(environment: Mapping[str, str], stem: str) -> None:
    """Refuse a variable that is set and empty: we would ask as nobody, or as another one."""
    names = (_VARIABLE.format(stem, what) for what in ("USER", "PASSWORD", "TOKEN"))
    empty = [name for name in names if environment.get(name) == ""]
    if empty:
        raise SourceError(
            "SOURCE-CREDENTIALS",
            f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} set and empty",
            hint="Give the value, or unset the variable.",
        )


def _require_fit(found: Credentials, chosen: ChosenSource, stem: str) -> None:
    if found.token and (found.user or found.password):
        what = "a token and a user are both given: one of them"
    elif bool(found.user) != bool(found.password):
        what = f"a {'user' if found.user else 'password'} stands alone"
    elif found.are_there and any(
        not one.isprintable() for one in (found.user, found.password, found.token)
    ):
        what = "they hold characters that are not printable, such as a line end"
    elif not found.token.isascii():
        what = "a token has ASCII characters alone (RFC 6750 2.1)"
    elif ":" in found.user and isinstance(chosen.source, DicomwebSource):
        what = "a user of HTTP has no colon (RFC 7617 2)"
    elif found.are_there and isinstance(chosen.source, DicomwebSource):
        if chosen.source.is_private:
            return
        what = "they would travel openly: the URL is not https"
    else:
        return
    raise SourceError(
        "SOURCE-CREDENTIALS",
        f"the credentials of {chosen.name} cannot be used: {what}",
        hint=f"Set {_VARIABLE.format(stem, 'USER')} and {_VARIABLE.format(stem, 'PASSWORD')}, "
        f"or {_VARIABLE.format(stem, 'TOKEN')}.",
    )


def _of_keyring(name: str, user: str) -> str:
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return keyring.get_password(f"biomarker/{name}", user) or ""
    except keyring.errors.KeyringError:
        # Locked, or a machine without one: the environment is the other way.
        return ""
