#!/usr/bin/env bash
# Installs what the player's checks need, where that is allowed: Chromium with its driver and MPD for tests that are
# skipped without, ALSA's headers for sound, and a compiler, Rust's library and QEMU for 64-bit ARM.
set -euo pipefail
packages=()
need() { dpkg -s "$1" >/dev/null 2>&1 || packages+=("$1"); }
command -v chromedriver >/dev/null || packages+=(chromium chromium-driver)
command -v mpd >/dev/null || packages+=(mpd)
command -v valgrind >/dev/null || packages+=(valgrind)
need libasound2-dev
need pkg-config
need qemu-user-static
need gcc-aarch64-linux-gnu
need libc6-dev-arm64-cross
# rustup's own library for the Pi, or Debian's second toolchain.
if ! rustup target list --installed 2>/dev/null | grep -qx aarch64-unknown-linux-gnu; then
  need rustc-web
  need cargo-web
  need libstd-rust-web-dev:arm64
fi
[ ${#packages[@]} -gt 0 ] || exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || {
  echo "missing: ${packages[*]} (Debian's names)" >&2
  exit 1
}
dpkg --print-foreign-architectures | grep -qx arm64 || dpkg --add-architecture arm64
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
# A service that Debian starts would play into the tests' way.
if command -v systemctl >/dev/null; then systemctl stop mpd.socket mpd.service 2>/dev/null || true; fi
