#!/usr/bin/env bash
# Builds the static library and the C example: runtime/examples/c/build.sh PROGRAM
#
# The library is TARGET/debug/libruntime.a; what it needs beside it is what the compiler's line below names.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
out="${1:-$PWD/tag}"
cd "$root"
cargo rustc -p runtime --features ffi --crate-type staticlib
target="${CARGO_TARGET_DIR:-$root/target}"
cc -std=c99 -O2 -Wall -Wextra -Werror -I runtime/include runtime/examples/c/tag.c "$target/debug/libruntime.a" \
  -lpthread -ldl -lm -o "$out"
