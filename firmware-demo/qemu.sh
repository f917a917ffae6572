#!/bin/sh
# Cargo's runner: runs a program in QEMU, tagging a WAV file.
#
#   qemu.sh PROGRAM [WAV]
#
# MINIM_BOARD is mps2-an386 (Cortex-M4F, the default) or mps2-an500 (Cortex-M7). What the program says over its serial
# line goes to standard output: pipe it into `player listen --serial -`. On a terminal without that, MINIM_RAW=1 shows it.
set -eu

program="$1"
here="$(cd "$(dirname "$0")" && pwd)"
wav="${2:-$here/clips/pulse.wav}"
board="${MINIM_BOARD:-mps2-an386}"
case "$board" in
  mps2-an386) cpu=cortex-m4 ;;
  mps2-an500) cpu=cortex-m7 ;;
  *) echo "qemu.sh: MINIM_BOARD is $board; it must be mps2-an386 or mps2-an500" >&2; exit 2 ;;
esac
if ! command -v qemu-system-arm >/dev/null; then
  echo "qemu.sh: qemu-system-arm is not installed (Debian's package qemu-system-arm)" >&2
  exit 2
fi
if [ ! -r "$wav" ]; then echo "qemu.sh: $wav: cannot be read" >&2; exit 2; fi
# Virtual time follows the instructions: a timer counts the same ones whatever the computer is doing.
exec qemu-system-arm -M "$board" -cpu "$cpu" -display none -monitor none -serial stdio -icount shift=0 \
  -semihosting-config "enable=on,target=native,arg=firmware-demo,arg=$wav" -kernel "$program" </dev/null
