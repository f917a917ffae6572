#!/usr/bin/env bash
# Installs what the player's checks need, where that is allowed: Chromium with its driver and MPD for tests that are
# skipped without, and ALSA's headers for sound.
set -euo pipefail
packages=()
need() { dpkg -s "$1" >/dev/null 2>&1 || packages+=("$1"); }
command -v chromedriver >/dev/null || packages+=(chromium chromium-driver)
command -v mpd >/dev/null || packages+=(mpd)
command -v valgrind >/dev/null || packages+=(valgrind)
need libasound2-dev
need pkg-config
[ ${#packages[@]} -gt 0 ] || exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || {
  echo "missing: ${packages[*]} (Debian's names)" >&2
  exit 1
}
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
# A service that Debian starts would play into the tests' way.
if command -v systemctl >/dev/null; then systemctl stop mpd.socket mpd.service 2>/dev/null || true; fi
