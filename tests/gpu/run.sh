#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU, in one go: tests/gpu/run.sh [OUT]
#
# Builds with CUDA, checks every network's gradients on the GPU, trains on synthetic music on the GPU and on the CPU and
# compares the AUC, times every network at 0.25M and 3M beside PyTorch (eager and compiled, same batch, same run), and
# trains each of them on a corpus to see what reading, cropping and moving batches costs beside such steps. Results go to OUT
# (runs/gpu): log.txt, speed.json, synth-cpu/, synth-cuda/, pipeline-host/, pipeline-device/, summary.txt.
#
# Needs a CUDA toolkit (nvcc in PATH or CUDA_HOME) and a driver; PyTorch for the comparison is taken from $PYTHON (python3)
# where it can be imported with CUDA, and the comparison is left out, by name, where it cannot. With NCCL and two ranks
# or more (RANKS=2) data parallel training is tried as well. STEPS="build gradients synth speed pipeline ranks" chooses.
set -uo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="${1:-runs/gpu}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$root"
python="${PYTHON:-python3}"
steps="${STEPS:-build gradients synth speed pipeline ranks}"
trainer="${CARGO_TARGET_DIR:-$root/target}/debug/trainer"
: >"$out/summary.txt"
failed=0

# step NAME COMMAND...: runs one step where it was asked for, and goes on whatever comes of it.
step() {
  local name="$1" started=$SECONDS status=0
  shift
  case " $steps " in *" $name "*) ;; *) return 0 ;; esac
  printf '\n== %s\n' "$name"
  "$@" || status=$?
  if [ "$status" -eq 0 ]; then status=passed; elif [ "$status" -eq 77 ]; then status=skipped; else status=FAILED failed=1; fi
  printf '%s: %s in %d s\n' "$name" "$status" $((SECONDS - started)) | tee -a "$out/summary.txt"
}

build() { cargo build -p trainer -p runtime --features trainer/cuda --all-targets; }

gradients() {
  cargo test -p trainer -p runtime --features trainer/cuda --test gradients_cuda -- --nocapture
}

# The GPU's run must reach the CPU's AUC on the same clips.
synth() {
  local device
  for device in cpu cuda; do
    "$trainer" train --corpus synth --device "$device" --out "$out/synth-$device" --cache "$out/features" --overwrite || return 1
  done
  "$python" - "$out" <<'PYTHON'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
auc = {device: json.loads((out / f"synth-{device}" / "metrics.json").read_text())["mean_auc"] for device in ("cpu", "cuda")}
print(f"mean AUC on the CPU {auc['cpu']:.4f}, on the GPU {auc['cuda']:.4f}")
sys.exit(0 if auc["cuda"] > auc["cpu"] - 0.01 else 1)
PYTHON
}

speed() {
  if ! "$python" -c 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)' 2>/dev/null; then
    echo "skipped: $python has no PyTorch that sees the GPU"
    return 77
  fi
  "$python" trainer/benches/training/compare_pytorch.py "$(dirname "$trainer")/examples/time_training" --device cuda --budgets 0.25M,3M \
    --json "$out/speed.json"
}

# Clips per second of whole epochs, with the codes in files and on the GPU, against those of steps on a batch that is
# there already: with the better of the two at most a tenth may be lost.
pipeline() {
  if [ ! -s "$out/speed.json" ]; then
    echo "skipped: without speed.json, which the step \"speed\" writes, there is nothing to compare with"
    return 77
  fi
  local where
  for where in host device; do
    # 29.1413 s are the 1366 frames of the other measurement.
    "$trainer" compare --corpus synth:1200 --budgets 0.25M,3M --seeds 1 --epochs 5 --crop-seconds 29.1413 --device cuda \
      --corpus-in "$where" --out "$out/pipeline-$where" --cache "$out/features" --overwrite || return 1
  done
  "$python" - "$out" <<'PYTHON'
import json, pathlib, sys
out = pathlib.Path(sys.argv[1])
rows = {where: json.loads((out / f"pipeline-{where}" / "compare.json").read_text())["rows"] for where in ("host", "device")}
rate = {(where, row["model"], row["budget"]): 2500 / row["result"]["seconds_per_2500"]
        for where in rows for row in rows[where] if row["result"]}
fine = True
for step in json.loads((out / "speed.json").read_text())["results"]:
    name, bare = (step["network"], step["budget"]), step["here_clips_per_second"]
    shares = {where: rate.get((where, *name), 0.0) / bare for where in rows}
    fine &= max(shares.values()) >= 0.9
    print(f"{name[0]:>15} {name[1]:>6}  steps alone {bare:8.0f} clips/s; whole epochs: codes in files {shares['host']:.2f} of "
          f"that, on the device {shares['device']:.2f}")
sys.exit(0 if fine else 1)
PYTHON
}

ranks() {
  local ranks="${RANKS:-2}"
  if [ "$(nvidia-smi --list-gpus | wc -l)" -lt "$ranks" ]; then
    echo "skipped: fewer than $ranks GPUs, and NCCL wants one for each rank"
    return 77
  fi
  cargo build -p trainer -p runtime --features trainer/nccl || return 1
  "$trainer" train --corpus synth:300 --device cuda --gpus "$ranks" --epochs 5 --out "$out/synth-ranks" \
    --cache "$out/features" --overwrite
}

{
  nvidia-smi
  step build build
  step gradients gradients
  step synth synth
  step speed speed
  step pipeline pipeline
  step ranks ranks
  printf '\n'
  cat "$out/summary.txt"
  exit "$failed"
} 2>&1 | tee "$out/log.txt"
exit "${PIPESTATUS[0]}"
