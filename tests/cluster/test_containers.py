"""The recipes of the images: what goes in is what the wheel is made of, and nobody is root."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
from cluster_processes import CHECKOUT

DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
APPTAINER = (CHECKOUT / "containers" / "apptainer.def").read_text()


def _allowed() -> set[str]:
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    return {line[1:] for line in lines if line.startswith("!")}


def _sections() -> dict[str, str]:
    parts = re.split(r"^%(\w+)$", APPTAINER, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def test_both_images_take_what_the_wheel_is_made_of_and_no_more():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        project["project"]["readme"],
        *project["project"]["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
        "hatch_build.py",
        "pyproject.toml",
        "constraints.txt",
    }
    allowed = _allowed()
    assert allowed == needed | {"containers"}
    taken = [line.split() for line in _sections()["files"].strip().splitlines()]
    assert {path for path, _ in taken} == needed | {"containers/install.sh"}
    assert all(target == f"/src/{path}" for path, target in taken)
    assert all((CHECKOUT / path).exists() for path in allowed)


def test_no_key_and_no_data_can_get_into_an_image():
    assert not [path for path in _allowed() if "data" in path or "key" in path]
    # Compiled here, for another machine: the image compiles its own.
    assert "**/*.so" in (CHECKOUT / ".dockerignore").read_text().splitlines()


def test_the_image_runs_as_a_user_without_rights():
    instructions = _instructions()
    (user,) = [what for name, what in instructions if name == "USER"]
    uid, gid = user.split(":")
    assert int(uid) > 1000
    assert int(gid) > 1000
    after = instructions[instructions.index(("USER", user)) :]
    assert not [name for name, _ in after if name in {"RUN", "COPY", "ADD"}]
    assert ("ENTRYPOINT", '["biomarker"]') in after


def test_the_image_that_leaves_holds_no_compiler():
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "gcc" not in last
    assert "COPY --from=build /opt/biomarker /opt/biomarker" in last
    assert "purge -y gcc" in _sections()["post"]


@pytest.mark.parametrize(
    "said", ["PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"]
)
def test_both_images_say_the_same_of_their_surroundings(said):
    assert said in DOCKERFILE
    assert said in _sections()["environment"]


def test_both_images_install_by_one_script_from_one_base():
    assert "sh /src/containers/install.sh /src /opt/biomarker" in DOCKERFILE
    assert "sh /src/containers/install.sh /src /opt/biomarker" in _sections()["post"]
    (base,) = re.findall(r"^From: (.+)$", APPTAINER, re.MULTILINE)
    assert {what.split()[0] for name, what in _instructions() if name == "FROM"} == {base}


def test_the_script_is_valid_shell():
    script = CHECKOUT / "containers" / "install.sh"
    done = subprocess.run(["sh", "-n", script], capture_output=True, check=False)
    assert done.stderr == b""
