#!/bin/bash
# The tables of a study whose shards are measured. Submit it behind the array with afterany: a
# shard in which a case failed ends with 5, and afterok would wait for ever. What is missing is
# refused by name.
#
#SBATCH --job-name=biomarker-merge
#SBATCH --mem=4G
#SBATCH --time=01:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail

results=${1:?the folder of the run}
export BIOMARKER_CACHE_DIR=${BIOMARKER_CACHE_DIR:-$HOME/.cache/biomarker}

exec biomarker merge "$results"
