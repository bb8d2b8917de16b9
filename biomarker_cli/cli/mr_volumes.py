"""The MR volumes below some paths, what is told of each, and whether they make a set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from biomarker_cli.cli.output import nothing_found, progress, say

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import VolumeCandidate
    from biomarker_cli.model.exit_codes import ExitCode

Described = TypeVar("Described")
Made = TypeVar("Made")


def mr_images(paths: Sequence[Path], hint: str) -> list[VolumeCandidate]:
    """Return the MR volumes below some paths.

    Parameters
    ----------
    paths : sequence of Path
    hint : str
        What to name where there is none.

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND``, ``PATH-NOT-FOUND``.
    """
    from biomarker_cli.catalogue.catalogue import scan

    with progress("reading headers", "files") as advance:
        found = scan(paths, advance)
    images = [c for c in found.volumes if c.modality == "MR"]
    if not images:
        raise nothing_found("MR image", paths, hint=hint)
    return images


def described(
    images: Sequence[VolumeCandidate], describe: Callable[[VolumeCandidate], Described]
) -> list[tuple[VolumeCandidate, Described]]:
    """Return what is told of the volumes; one that cannot be told is named and left out."""
    from biomarker_cli.model.errors import BiomarkerError

    told = []
    for image in images:
        try:
            told.append((image, describe(image)))
        except BiomarkerError as error:
            say(f"not read: {error.code} {image.volume_id}: {error}", err=True)
        except Exception as unexpected:  # noqa: BLE001 - named on stderr; others go on
            kind = type(unexpected).__name__
            say(f"not read: CASE-INTERNAL {image.volume_id}: an unexpected {kind}", err=True)
    return told


def set_or_refusal(make: Callable[[], Made]) -> tuple[Made | None, dict[str, Any]]:
    """Return the set that volumes make, else None and the refusal as JSON has it."""
    from biomarker_cli.model.errors import CaseError

    try:
        return make(), {}
    except CaseError as error:
        code, message = error.code, str(error)
    except Exception as unexpected:  # noqa: BLE001 - the verdict says so; the rows are printed
        code = "CASE-INTERNAL"
        message = f"an unexpected {type(unexpected).__name__} stopped the set: please report it"
    return None, {"status": "refused", "error_code": code, "error_message": message}


def exit_of(n_told: int, n_images: int) -> ExitCode:
    """Return the exit code of a command that told something of some images."""
    from biomarker_cli.model.exit_codes import ExitCode

    if n_told == n_images:
        return ExitCode.DONE
    return ExitCode.PARTIAL if n_told else ExitCode.FAILED
