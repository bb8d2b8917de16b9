"""A group with a default command: what is no command's name goes to it."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from biomarker_cli.cli.default_group import DefaultGroup


@click.group(
    cls=DefaultGroup, default="judge", context_settings={"help_option_names": ["-h", "--help"]}
)
def group():
    """Do things."""


@group.command()
@click.argument("folder")
@click.option("--criterion", default="none")
def judge(folder, criterion):
    """Judge."""
    click.echo(f"judge {folder} {criterion}")


@group.command()
@click.argument("folder")
def init(folder):
    """Begin."""
    click.echo(f"init {folder}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["results"], "judge results none"),
        (["results", "--criterion", "x"], "judge results x"),
        (["--criterion", "x", "results"], "judge results x"),
        (["./init"], "judge ./init none"),
        (["init", "results"], "init results"),
        (["init", "init"], "init init"),
        (["judge", "init"], "judge init none"),
        (["judge", "judge"], "judge judge none"),
        (["--", "init"], "judge init none"),
        (["initial"], "judge initial none"),
    ],
)
def test_a_command_wins_and_anything_else_goes_to_the_default(arguments, said):
    done = CliRunner().invoke(group, arguments)
    assert (done.output.strip(), done.exit_code) == (said, 0)


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_that_of_the_group_and_shows_both_ways(option):
    text = CliRunner().invoke(group, [option]).output
    assert "group COMMAND [ARGS]..." in text
    assert "FOLDER  (is judge)" in text
    assert "Begin." in text


def test_nothing_shows_the_help():
    done = CliRunner().invoke(group, [])
    assert "Begin." in done.output
