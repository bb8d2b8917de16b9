#!/bin/bash
# A study in shards: each task of the array measures the cases of one.
#
#   job=$(sbatch --parsable slurm_shards.sh study.yaml results)
#   sbatch --dependency=afterany:$job slurm_merge.sh results
#
# A shard that failed is submitted again by its number: sbatch --array=2 slurm_shards.sh ...
#
#SBATCH --job-name=biomarker
#SBATCH --array=1-3
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --output=%x-%A_%a.log
set -euo pipefail

# How many shards the study has is said here and in --array=1-3 above, not taken from
# SLURM_ARRAY_TASK_COUNT: of an array that is submitted again in part, that is another number.
SHARDS=3

study=${1:?the study file}
results=${2:?the folder of the run}

# One thread for each process: the machine is shared out by Slurm.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1
# All shards of a run need one folder with the key that stands in for persons.
export BIOMARKER_CACHE_DIR=${BIOMARKER_CACHE_DIR:-$HOME/.cache/biomarker}

# In place of this shell, so that SIGTERM, a minute before the end of the time, reaches it: it
# keeps what it has measured, and the same command goes on there.
exec biomarker run "$study" -o "$results" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" \
    --jobs "${SLURM_CPUS_PER_TASK:-1}"
