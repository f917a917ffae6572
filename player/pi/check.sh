#!/usr/bin/env bash
# Runs `tag` and `scan` of the Pi's program in QEMU's user mode and holds what they print to this computer's:
# player/pi/check.sh PI-PROGRAM [THIS-PROGRAM]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
program="$(realpath "$1")"
here="$(realpath "${2:-${CARGO_TARGET_DIR:-target}/debug/player}")"
qemu="$(command -v qemu-aarch64-static || command -v qemu-aarch64)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/music"
cp firmware-demo/clips/*.wav tests/fixtures/audio/*.{mp3,flac,ogg,opus,m4a} "$work/music"
pi() { "$qemu" -L /usr/aarch64-linux-gnu "$program" "$@"; }
for model in models/k2c1-msd50 models/k2c1-msd50-0.1m; do
  for way in here pi; do
    way_program=("$here")
    [ "$way" = here ] || way_program=(pi)
    # ALAC is not decoded, and said to be so: exit code 1.
    "${way_program[@]}" tag --json --top 50 --model "$model" "$work"/music/* >"$work/tag.$way" 2>/dev/null || true
    "${way_program[@]}" scan --json --jobs 2 --db "$work/$way.db" --model "$model" "$work/music" |
      sed -E 's/,"seconds":[0-9.]+//' | sort >"$work/scan.$way"
    "${way_program[@]}" export --sidecar csv --to "$work/table.$way" --db "$work/$way.db" 2>/dev/null
    "${way_program[@]}" similar "$work/music/pulse.wav" -n 5 --json --db "$work/$way.db" >"$work/similar.$way"
    rm -f "$work/$way.db"*
  done
  for what in tag scan table similar; do
    diff "$work/$what.here" "$work/$what.pi"
    echo "$model: $what: the same $(wc -l <"$work/$what.pi") lines"
  done
done
