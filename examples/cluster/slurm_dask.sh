#!/bin/bash
# A study over the workers of Dask, all within one job: cases are shared out as they come, so
# that no machine waits for the longest shard.
#
#   sbatch --ntasks=16 slurm_dask.sh study.yaml results
#
# One task measures one case at a time. Who reaches the port of a scheduler can run code as you:
# on a network that is not yours alone, use TLS (docs/cluster.md).
#
#SBATCH --job-name=biomarker-dask
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=4G
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --output=%x-%j.log
set -euo pipefail

study=${1:?the study file}
results=${2:?the folder of the run}

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1

# In a folder that all nodes see, and not in that of the run, which is the run's alone.
file=$SLURM_SUBMIT_DIR/scheduler-$SLURM_JOB_ID.json
rm -f "$file"

# On a node with several networks, name one for both: --interface ib0.
dask scheduler --scheduler-file "$file" --port 0 --no-dashboard &
# One thread each, for a worker measures one case at a time; its nanny starts it again.
srun dask worker --scheduler-file "$file" --nthreads 1 --no-dashboard \
    --memory-limit "${SLURM_MEM_PER_CPU:-4096}MiB" --local-directory "${TMPDIR:-/tmp}" \
    --death-timeout 120 &

for _ in $(seq 120); do
    [ -s "$file" ] && break
    sleep 0.5
done

# What is left of the job ends with this process.
exec biomarker run "$study" -o "$results" --executor dask --scheduler "$file"
