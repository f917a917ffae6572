#!/usr/bin/env bash
# Recommendations by this project's models beside bliss-audio's, on the same songs and the same questions:
#
#     trainer/benches/compare_bliss.sh MANIFEST.csv [MODEL] [more flags of eval-recommend]
#
# MANIFEST.csv has a column `path` and people's tags; see docs/corpora.md. bliss-audio is built in a workspace of its own, for it
# is GPL-3.0 and a peer, not a dependency.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
manifest="$(realpath "$1")"
model="${2:-$root/models/k2c1-msd50}"
shift $(($# < 2 ? $# : 2))
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cargo build --release --manifest-path "$root/trainer/benches/bliss/Cargo.toml"
bliss="${CARGO_TARGET_DIR:-$root/trainer/benches/bliss/target}/release/bliss-points"
# The paths of the table, whole; a table has them relative to itself.
python3 - "$manifest" >"$work/paths" <<'PYTHON'
import csv, pathlib, sys
table = pathlib.Path(sys.argv[1])
for path in dict.fromkeys(row["path"] for row in csv.DictReader(table.open(newline=""))):
    print(table.parent / path)
PYTHON
"$bliss" <"$work/paths" >"$work/points.csv"
cargo run --manifest-path "$root/Cargo.toml" -p trainer -- eval-recommend --model "$model" --corpus "manifest:$manifest" \
  --points "bliss=$work/points.csv" --cache "$work/features" "$@"
