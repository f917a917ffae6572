#!/usr/bin/env bash
# Holds the C interface to the program: the C example must give each clip the tags that `player tag` gives it. Where
# cbindgen and valgrind are installed, the header must be up to date, and no memory be lost or misread.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
cd "$root"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
runtime/examples/c/build.sh "$work/tag"
model=models/k2c1-msd50-0.1m
for clip in firmware-demo/clips/*.wav; do
  "$work/tag" "$model" "$clip" | tee "$work/c"
  cargo run --quiet --bin player -- tag --model "$model" "$clip" | sed -nE 's/^  (.*[^ ]) +([0-9.]+)  .*/\1 \2/p' >"$work/rust"
  diff "$work/c" "$work/rust"
done
# What is no WAV file, and no model, is said.
if "$work/tag" "$model" README.md || "$work/tag" no/such/model "$clip"; then exit 1; fi
cat >"$work/header.cpp" <<'CPP'
#include "minim.h"
int main() { return minim_windows(nullptr) == 0 ? 0 : 1; }
CPP
if command -v c++ >/dev/null; then c++ -Wall -Werror -I runtime/include -c "$work/header.cpp" -o "$work/header.o"; fi
if command -v cbindgen >/dev/null; then
  cbindgen --quiet --config runtime/cbindgen.toml runtime/src/ffi.rs | diff - runtime/include/minim.h
else
  echo "no cbindgen: the header was not compared"
fi
if command -v valgrind >/dev/null; then
  valgrind --quiet --leak-check=full --error-exitcode=9 "$work/tag" "$model" "$clip" >/dev/null
else
  echo "no valgrind: memory was not checked"
fi
