"""A command obeys or refuses each option it is given."""

from __future__ import annotations

import click
import pytest

from biomarker_cli.cli.strict_command import strict_command


@strict_command(
    "measure",
    needs={"--overwrite": ("--output", "--maps"), "--scheduler": "--executor dask"},
    excludes={"--dry-run": ("--junit", "--strict"), "--format json": ("--worst",)},
)
@click.option("-o", "--output")
@click.option("--maps")
@click.option("--overwrite", is_flag=True)
@click.option("--executor", type=click.Choice(["local", "dask"]), default="local")
@click.option("--scheduler", default="here")
@click.option("--dry-run", is_flag=True)
@click.option("--junit")
@click.option("--strict", is_flag=True)
@click.option("--format", "output_format", default="text")
@click.option("--worst", default=20)
@click.option("--roi", multiple=True)
def measure(**given: object) -> dict[str, object]:
    return given


def said_of(*line: str) -> str:
    """Return what is said of a command line that is refused."""
    with pytest.raises(click.UsageError) as refused:
        measure.main(list(line), standalone_mode=False)
    assert refused.value.exit_code == 2
    return refused.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-o a --output=b", "-o / --output takes one value and is given 2 times: say it once."),
        ("--junit a --junit a --junit a", "--junit takes one value and is given 3 times"),
        ("--overwrite", "--overwrite goes with --output or --maps."),
        ("--scheduler a", "--scheduler goes with --executor dask."),
        ("--scheduler a --executor local", "--scheduler goes with --executor dask."),
        ("--dry-run --strict", "--strict does nothing beside --dry-run: leave one out."),
        ("--junit a --strict --dry-run", "--junit, --strict do nothing beside --dry-run"),
        # What a user writes counts, be it the default.
        ("--worst 20 --format json", "--worst does nothing beside --format json"),
    ],
)
def test_what_would_be_ignored_is_refused(line, said):
    assert said in said_of(*line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--roi a --roi b --strict --strict",
        "--overwrite -o a",
        "--overwrite --maps a",
        "--executor dask --scheduler a",
        "--junit a --strict",
        "--dry-run",
        "--format json",
        "--format text --worst 20",
    ],
)
def test_what_has_an_effect_is_obeyed(line):
    assert measure.main(line.split(), standalone_mode=False)


def test_help_is_given_whatever_stands_beside_it():
    with pytest.raises(click.exceptions.Exit):
        measure.make_context("measure", ["--junit", "a", "--junit", "b", "--help"])


def test_a_line_that_a_shell_completes_is_not_judged():
    line = ["--junit", "a", "--junit", "b", "--overwrite"]
    with measure.make_context("measure", line, resilient_parsing=True) as context:
        assert context.params["junit"] == "b"
