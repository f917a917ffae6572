#!/usr/bin/env bash
# Type-checks the CUDA code on a machine without CUDA: .ci/cuda_check.sh
#
# A stand-in for nvcc answers with its version and leaves empty files where kernels would be, so that candle's build
# scripts pass; nothing that is made here can run. What the compiler checks is our own code and candle's against
# cudarc's bindings, which load the driver when they are used and so need none.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
home="$(mktemp -d)"
trap 'rm -rf "$home"' EXIT
mkdir -p "$home/bin" "$home/include" "$home/lib64"
touch "$home/include/cuda.h"
cat >"$home/bin/nvcc" <<'NVCC'
#!/bin/sh
case " $* " in
  *" --version "*)
    printf 'nvcc: NVIDIA (R) Cuda compiler driver\n(stand-in)\n\nCuda compilation tools, release 13.0, V13.0.88\n'
    exit 0
    ;;
esac
out="" directory="" source=""
while [ $# -gt 0 ]; do
  case "$1" in
    -o) out="$2"; shift ;;
    --output-directory) directory="$2"; shift ;;
    *.cu) source="$1" ;;
  esac
  shift
done
if [ -n "$out" ]; then : >"$out"; fi
if [ -n "$directory" ] && [ -n "$source" ]; then : >"$directory/$(basename "$source" .cu).ptx"; fi
NVCC
chmod +x "$home/bin/nvcc"
export CUDA_HOME="$home" CUDA_PATH="$home" CUDA_ROOT="$home" CUDA_COMPUTE_CAP=90 NVCC="$home/bin/nvcc" PATH="$home/bin:$PATH"
cargo check -p trainer -p runtime --all-targets --features trainer/nccl "$@"
