"""No command ignores an option: one that does nothing is a usage error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from biomarker_cli.cli.main import cli
from biomarker_cli.cli.strict_command import StrictCommand, takes_one_value


def _leaves(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for below, member in command.commands.items():
            yield from _leaves(member, f"{name} {below}".strip())
    else:
        yield name, command


COMMANDS = dict(_leaves(cli))


def _value(parameter: click.Parameter, folder: Path) -> str:
    """Return what a parameter takes."""
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.Path) and kind.exists:
        return str(folder if kind.dir_okay else folder / "file")
    if parameter.name == "shard":
        return "1/2"
    number = kind in {click.INT, click.FLOAT} or isinstance(kind, click.IntRange | click.FloatRange)
    return "2" if number else "text"


def _least(command: click.Command, folder: Path) -> list[str]:
    """Return the shortest line that a command takes."""
    line = []
    for parameter in command.params:
        if parameter.required:
            value = _value(parameter, folder)
            line += [parameter.opts[0], value] if isinstance(parameter, click.Option) else [value]
    return line


def _refusal(command: click.Command, line: list[str]) -> str:
    with pytest.raises(click.UsageError) as refused:
        command.make_context("command", line)
    assert refused.value.exit_code == 2
    return refused.value.message


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_strict(name):
    assert isinstance(COMMANDS[name], StrictCommand)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_of_one_value_is_given_once(folder, name):
    command = COMMANDS[name]
    least = _least(command, folder)
    for option in filter(takes_one_value, command.params):
        value = _value(option, folder)
        times = 1 if option.required else 2
        said = _refusal(command, [*least, *[option.opts[-1], value] * times])
        assert said.startswith(f"{' / '.join(option.opts)} takes one value and is given 2 times")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_rule_names_options_of_its_command(name):
    command = COMMANDS[name]
    assert isinstance(command, StrictCommand)
    rules = (*command.needs.items(), *command.excludes.items())
    for one in (name for option, others in rules for name in (option, *others)):
        option, _, value = one.partition(" ")
        kind = command.option(option).type
        assert not value or not isinstance(kind, click.Choice) or value in kind.choices


# What is ignored, and beside what, or without what.
USELESS = [
    ("run s.yaml --scheduler head:1", "--scheduler", "--executor dask"),
    ("run s.yaml --wait-for-workers 5", "--wait-for-workers", "--executor dask"),
    ("run s.yaml --dry-run --junit f.xml", "--junit", "--dry-run"),
    ("run s.yaml --dry-run --strict", "--strict", "--dry-run"),
    ("run s.yaml --dry-run -v", "--verbose", "--dry-run"),
    ("run s.yaml --dry-run --executor dask --scheduler head:1", "--executor", "--dry-run"),
    ("run s.yaml --fresh --retry-failed", "--retry-failed", "--fresh"),
    ("run s.yaml --shard 1/2 --report", "--report", "--shard"),
    (
        "extract adc --image i --mask m --analysis a --overwrite",
        "--overwrite",
        "--output or --maps",
    ),
    ("extract adc --image i --mask m --analysis a --identity keep", "--identity", "--maps"),
    ("regions s --list --image i", "--image", "--list"),
    ("regions s --list --series 1.2", "--series", "--list"),
    ("regions s --list --analysis a", "--analysis", "--list"),
    ("regions s --list -o d", "--output", "--list"),
    ("regions s --list --preview p.png", "--preview", "--list"),
    ("regions s --image i --overwrite", "--overwrite", "--output"),
    ("suv-explain p -o f", "--output", "--phantom"),
    ("suv-explain p --phantom s --analysis fdg-suv", "--analysis", "--phantom"),
    ("suv-explain p --phantom s --overrides o", "--overrides", "--phantom"),
    ("register a b --protocol p --identity keep", "--identity", "--output"),
    ("register a b --protocol p --resampled", "--resampled", "--output"),
    ("register a b --protocol p --overwrite", "--overwrite", "--output"),
    ("verify --check c --data d", "--data", "--check"),
    ("verify --check c --engine native", "--engine", "--check"),
    ("verify --check c --certificate f", "--certificate", "--check"),
    ("verify --check c --worst 3", "--worst", "--check"),
    ("verify --check c --junit f", "--junit", "--check"),
    ("compare a b --worst 3 --format json", "--worst", "--format text"),
    ("compare a b --worst 3 --format csv", "--worst", "--format text"),
    ("repeatability t --interval day", "--interval", "--output"),
    ("repeatability t --roi-method free", "--roi-method", "--output"),
    ("repeatability t --plots", "--plots", "--output"),
    ("repeatability t --overwrite", "--overwrite", "--output"),
    ("change t --published adc-liver --interval day", "--interval", "--repeatability"),
    ("change t --published adc-liver --roi-method free", "--roi-method", "--repeatability"),
    ("samplesize --effect 1 --change 2", "--change", "--effect"),
    ("samplesize --effect 1 --between-sd 2", "--between-sd", "--effect"),
    ("samplesize --effect 1 --feature f", "--feature", "--repeatability or --loss auto"),
    ("samplesize --wcv 1 --change 5 --roi r", "--roi", "--repeatability"),
    ("samplesize --effect 1 --run d", "--run", "--loss auto"),
    ("samplesize --effect 1 --sites 3", "--sites", "--icc"),
    ("samplesize --effect 1 --repeats 3", "--repeats", "--retest"),
    ("samplesize --retest 20 --power 0.9", "--power", "--retest"),
    ("samplesize --retest 20 --sites 3", "--sites", "--retest"),
    ("readers a b --series 1.2", "--series", "--image"),
    ("readers a b --truth t", "--truth", "--scores"),
    ("readers a b --order x,y", "--order", "--scores"),
    ("readers --scores s --positive x", "--positive", "--truth"),
    ("readers a b --overwrite", "--overwrite", "--output"),
    ("readers --scores s --image i", "--image", "--scores"),
    ("readers --scores s --roi r", "--roi", "--scores"),
    ("readers --scores s --feature f", "--feature", "--scores"),
    ("readers --scores s --case c", "--case", "--scores"),
    ("readers a b --case c --image i", "--image", "--case"),
    ("readers a b --case c --feature f", "--feature", "--case"),
    ("combat fit t --batch b -o m --mode no-eb --stop converged", "--stop", "--mode parametric"),
    ("combat report t --model m --overwrite", "--overwrite", "--output"),
    ("reference fit t --covariates s.csv -o f", "--covariates", "--by"),
    ("associate d --plan p -o o --harmonised h", "--harmonised", "--model"),
    ("associate d --plan p -o o --model m", "--model", "--harmonised"),
    ("report d --methods --split", "--split", "--methods"),
    ("report d --methods --identity keep", "--identity", "--methods"),
    ("response init d --role ct", "--role", "--match"),
    ("response init d --registration none", "--registration", "--match"),
    ("response d --criterion c --draws 200", "--draws", "--repeatability"),
    ("response d --criterion c --seed 2", "--seed", "--repeatability"),
    ("response d --criterion c --what-if targets", "--what-if", "--output or --format json"),
    ("response d --criterion c --overwrite", "--overwrite", "--output"),
    ("response from-table f --criterion c --seed 2", "--seed", "--repeatability"),
    ("passport check f --max-age-days 3", "--max-age-days", "--test"),
    ("passport check f --study s --test t", "--test", "--study"),
    ("passport check f --study s --max-age-days 3 --test t", "--max-age-days", "--study"),
    ("protocol sheet p --names n.csv", "--names", "--vendor"),
    ("export joint d --roi r", "--roi", "--voxels"),
    ("export joint d --registration none", "--registration", "--voxels"),
    ("export joint d --voxels --usable yes", "--usable", "--voxels"),
]


@pytest.mark.parametrize(("line", "useless", "beside"), USELESS, ids=[line for line, *_ in USELESS])
def test_an_option_that_does_nothing_is_refused(line, useless, beside):
    with pytest.raises(click.UsageError) as refused:
        cli.main(line.split(), standalone_mode=False)
    assert refused.value.exit_code == 2
    # Refused for that, and by the command as it stands in the tree.
    assert useless in refused.value.message.partition(" beside ")[0]
    assert beside in refused.value.message


def test_the_key_of_copies_goes_with_them(folder):
    line = ["bundle", str(folder), "-o", "a.zip", "--key", str(folder / "file")]
    with pytest.raises(click.UsageError, match="--key goes with --dicom"):
        cli.main(line, standalone_mode=False)


def test_every_rule_is_held_here():
    """Each pair of the tables above stands in the list, so that none is lost."""
    held = {(useless, beside) for _, useless, beside in USELESS} | {("--key", "--dicom")}
    held |= {(one, "--retest") for one in COMMANDS["samplesize"].excludes["--retest"]}
    held |= {("--scheduler", "--dry-run"), ("--overwrite", "--list"), ("--series", "--scores")}
    for command in COMMANDS.values():
        for option, others in command.needs.items():
            assert (option, " or ".join(others)) in held
        for option, others in command.excludes.items():
            assert {(one, option) for one in others} <= held
