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
cp firmware-demo/clips/pulse.wav tests/fixtures/audio/*.{mp3,flac,ogg,opus,m4a} "$work/music"
pi() { "$qemu" -L /usr/aarch64-linux-gnu "$program" "$@"; }

# check NAME COMMAND...: the same lines from both programs, which have a library each in the place of @.
check() {
  local name="$1"
  shift
  "$here" "${@/@/$work/here.db}" >"$work/said.here" 2>"$work/errors.here" || true
  pi "${@/@/$work/pi.db}" >"$work/said.pi" 2>"$work/errors.pi" || true
  diff "$work/errors.here" "$work/errors.pi"
  # Files come as they are done.
  [ "$2" != "$work/music" ] || for way in here pi; do sort -o "$work/said.$way" "$work/said.$way"; done
  echo "$name: $(python3 player/pi/same.py --ignore seconds "$work/said.here" "$work/said.pi")"
}

# Both engines; ALAC is not decoded, and said to be so.
check "tag" tag --json --top 50 --model models/k2c1-msd50 "$work"/music/*
check "tag by tract" tag --json --top 50 --engine tract --model models/k2c1-msd50-0.1m "$work"/music/stereo-4*
check "scan" scan "$work/music" --json --jobs 2 --model models/k2c1-msd50 --db @
check "scan again" scan "$work/music" --json --jobs 2 --model models/k2c1-msd50 --db @
check "export" export --sidecar csv --to - --db @
check "similar" similar "$work/music/pulse.wav" -n 5 --json --db @
