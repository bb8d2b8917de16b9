"""``--help``: fast, complete, with an example each."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import click
import pytest

from biomarker_cli.cli.main import cli

HEAVY = ("pandas", "SimpleITK", "pydicom", "radiomics", "highdicom", "scipy", "nibabel")


def _commands(command, path=("biomarker",)):
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name, member in command.commands.items():
            yield from _commands(member, (*path, name))


COMMANDS = dict(_commands(cli))


def test_help_imports_none_of_the_heavy_packages():
    code = (
        "import sys, json\n"
        "from biomarker_cli.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(json.loads(done.stderr)) & set(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    command = COMMANDS[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert "Examples:" in text
    assert command.help


def test_the_contract_of_commands_is_met():
    promised = {
        "init",
        "scan",
        "check",
        "compare",
        "regions",
        "extract",
        "run",
        "status",
        "protocol",
        "doctor",
    }
    assert promised <= set(cli.commands)


def test_version_is_the_package_version(biomarker):
    from biomarker_cli.model.version import __version__, code_digest

    build = rf"build {code_digest()}, Python [\d.]+\S*"
    said = biomarker("--version").stdout.strip()
    assert re.fullmatch(rf"biomarker {re.escape(__version__)}, {build}", said)


def test_a_pipe_gets_no_escape_codes_and_force_color_is_honoured(biomarker):
    assert "\x1b[" not in biomarker("doctor").stdout
    assert "\x1b[" in biomarker("doctor", FORCE_COLOR="1").stdout
    assert "\x1b[" not in biomarker("doctor", NO_COLOR="1").stdout
