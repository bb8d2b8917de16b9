#!/bin/sh
# Install the program from its source into a folder, as Dockerfile and apptainer.def do on
# Debian 12: the kernels are compiled here, and nothing but that folder is needed afterwards.
#
#   install.sh SOURCE TARGET [EXTRAS]
set -eu
source=$1
target=$2
extras=${3:-cluster,parquet}
work=$(mktemp -d)

python3 -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    -c "$source/constraints.txt" build hatchling Cython setuptools
"$work/tools/bin/python" -m build --wheel --no-isolation --outdir "$work/wheel" "$source"
python3 -m venv "$target"
wheel=$(ls "$work"/wheel/*.whl)
"$target/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    --only-binary :all: -c "$source/constraints.txt" "${wheel}[$extras]"
# Whoever runs the image may not write into it: byte code is made here.
"$target/bin/python" -m compileall -q "$target"
"$target/bin/biomarker" doctor
rm -rf "$work"
