#!/usr/bin/env bash
# Measures memory and time of the player and writes them into docs/raspberry-pi.md: player/pi/measure.sh MUSIC [PROGRAM]
#
# MUSIC is a folder with at least two songs. Needs GNU time (Debian: time).
set -euo pipefail
music="$(realpath "$1")"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
player="$(realpath "${2:-${CARGO_TARGET_DIR:-target}/debug/player}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# measure NAME COMMAND...: a line of the table.
measure() {
  local name="$1"
  shift
  /usr/bin/time -o "$work/time" -f '%M %e' "$@" >/dev/null 2>&1 || true
  local memory seconds
  read -r memory seconds < <(tail -1 "$work/time")
  printf '| %s | %d MB | %s s |\n' "$name" $((memory / 1024)) "$seconds"
}
mapfile -t songs < <(find "$music" -type f \( -name '*.mp3' -o -name '*.flac' -o -name '*.ogg' -o -name '*.wav' \) | sort)
{
  echo "| on $(uname -m), $(nproc) cores, ${#songs[@]} songs | most memory | time |"
  echo '|---|---|---|'
  measure 'scan' "$player" scan "$music" --db "$work/l.db"
  measure 'scan, nothing new' "$player" scan "$music" --db "$work/l.db"
  measure 'similar' "$player" similar "${songs[0]}" --db "$work/l.db"
  measure 'tag, one song' "$player" tag "${songs[0]}"
  measure 'play --headless, 30 s' timeout -s INT 30 "$player" play --headless --no-audio --json "${songs[@]:0:2}"
  measure 'serve, 5 s' timeout -s INT 5 "$player" serve --no-audio --bind 127.0.0.1:0 --db "$work/l.db"
} >"$work/table"
cat "$work/table"
sed -i -e '/<!-- measured/,/<!-- end -->/{//!d}' -e "/<!-- measured/r $work/table" docs/raspberry-pi.md
