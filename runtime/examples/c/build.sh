#!/usr/bin/env bash
# Builds the static library and the C example: runtime/examples/c/build.sh PROGRAM
#
# The library is TARGET/debug/examples/libminim.a; what it needs beside it is what the compiler's line below names.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
out="${1:-$PWD/tag}"
cd "$root"
# --workspace keeps the dependencies as the other commands built them.
cargo build --workspace --example minim
target="${CARGO_TARGET_DIR:-$root/target}"
cc -std=c99 -O2 -Wall -Wextra -Werror -I runtime/include runtime/examples/c/tag.c "$target/debug/examples/libminim.a" \
  -lpthread -ldl -lm -o "$out"
