#!/usr/bin/env bash
# Runs `tag` and `scan` of the Pi's program in QEMU's user mode and holds what they print to this computer's:
# player/pi/check.sh PI-PROGRAM [THIS-PROGRAM]
#
# Needs QEMU and Debian's libc6:arm64: with libc6-arm64-cross, threads hang in QEMU 7.2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
program="$(realpath "$1")"
here="$(realpath "${2:-${CARGO_TARGET_DIR:-target}/debug/player}")"
qemu="$(command -v qemu-aarch64-static || command -v qemu-aarch64)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/music"
cp firmware-demo/clips/pulse.wav tests/fixtures/audio/*.{mp3,flac,ogg,opus,m4a} "$work/music"
test -e /lib/ld-linux-aarch64.so.1 || { echo "no C library for the Pi's programs: apt-get install libc6:arm64" >&2; exit 1; }
# A program that hangs is not waited for.
pi() { timeout --signal=KILL 600 "$qemu" "$program" "$@"; }

# check NAME WITHIN COMMAND...: the same lines from both programs, which have a library each in the place of @.
check() {
  local name="$1" within="$2" same
  shift 2
  "$here" "${@/@/$work/here.db}" >"$work/said.here" 2>"$work/errors.here" || true
  pi "${@/@/$work/pi.db}" >"$work/said.pi" 2>"$work/errors.pi" || true
  diff "$work/errors.here" "$work/errors.pi"
  # Files come as they are done.
  [ "$2" != "$work/music" ] || for way in here pi; do sort -o "$work/said.$way" "$work/said.$way"; done
  same="$(python3 player/pi/same.py --within "$within" --ignore seconds "$work/said.here" "$work/said.pi")"
  echo "$name: $same"
}

# What is at the networks' rate is calculated in integers, or rounded to them, from the samples of the file on.
check "tag what is not resampled" 0 tag --json --top 50 --model models/k2c1-msd50 "$work"/music/{pulse.wav,stereo-12000.flac}
# Decoders and transforms add in another order there. Most of these clips are pure tones, whose upper bands hold nothing but
# rounding; with music the probabilities move by a step of the last integer or none. ALAC is not decoded, and said to be so.
check "tag" 0.02 tag --json --top 50 --model models/k2c1-msd50 "$work"/music/*
check "tag by tract" 0.02 tag --json --top 50 --engine tract --model models/k2c1-msd50-0.1m "$work"/music/stereo-4*
check "scan" 0 scan "$work/music" --json --jobs 2 --model models/k2c1-msd50 --db @
check "scan again" 0 scan "$work/music" --json --jobs 2 --model models/k2c1-msd50 --db @
check "export" 0.02 export --sidecar csv --to - --db @
check "similar" 0.1 similar "$work/music/pulse.wav" -n 5 --json --db @
