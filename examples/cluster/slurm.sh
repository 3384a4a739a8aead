#!/bin/bash
# One part of a batch: sbatch --array=1-8 slurm.sh INPUT OUTPUT [more options of dsvl2 batch]
# Some parts again:    PARTS=8 sbatch --array=3,5 slurm.sh INPUT OUTPUT [the same options]
#SBATCH --job-name=dsvl2
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=48G
#SBATCH --time=08:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -euo pipefail
input=$1 output=$2
shift 2
parts=${PARTS:-$SLURM_ARRAY_TASK_COUNT}
part=$SLURM_ARRAY_TASK_ID/$parts
kept=$output/.dsvl2-run-$SLURM_ARRAY_TASK_ID-of-$parts
run=${SLURM_TMPDIR:-/tmp}/dsvl2-$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID

# SQLite's log does not work over networks: the manifest is on this node's disk while it is written.
mkdir -p "$output" "$run"
if [ -f "$kept/manifest.sqlite" ]; then cp "$kept"/manifest.sqlite* "$run"/; fi
keep() {
    mkdir -p "$kept"
    cp "$run"/manifest.sqlite* "$kept"/
}
trap keep EXIT

# TERM comes two minutes before the end: pages in work are finished and kept (exit code 143), and the part goes on next time.
dsvl2 batch "$input" -o "$output" --shard "$part" --run "$run" --progress json "$@" &
batch=$!
trap 'kill -TERM "$batch"' TERM
code=0
wait "$batch" || code=$?
if kill -0 "$batch" 2>/dev/null; then # the trap ended the wait, not the batch
    code=0
    wait "$batch" || code=$?
fi
exit "$code"
