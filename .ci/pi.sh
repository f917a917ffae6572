#!/usr/bin/env bash
# Builds the player for a 64-bit Raspberry Pi and holds what `tag` and `scan` print in QEMU's user mode to this computer's.
#
# Installs by apt-get what is missing, where that is allowed: QEMU, the cross linker and, where rustup has no target for
# the Pi, Debian's second Rust toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

triple=aarch64-unknown-linux-gnu
packages=()
command -v qemu-aarch64-static >/dev/null || command -v qemu-aarch64 >/dev/null || packages+=(qemu-user-static)
command -v aarch64-linux-gnu-gcc >/dev/null || packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
if ! rustup target list --installed 2>/dev/null | grep -qx "$triple"; then
  if ! [ -x /usr/bin/cargo ] || ! [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/$triple" ]; then
    packages+=(rustc-web cargo-web libstd-rust-web-dev:arm64)
  fi
fi
[ -e /lib/ld-linux-aarch64.so.1 ] || packages+=(libc6:arm64)
if [ ${#packages[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null ||
    { echo "missing: ${packages[*]} (Debian's names)" >&2; exit 1; }
  case "${packages[*]}" in *:arm64*) dpkg --add-architecture arm64 ;; esac
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

# What is checked is that the program is right, not fast: optimised no further than that QEMU is not the longer part.
quick=(--profile dev)
set_profile() { quick+=(--config "profile.dev.$1"); }
set_profile 'opt-level=0'
set_profile 'debug=0'
set_profile 'package."*".opt-level=0'
set_profile 'package."*".codegen-units=16'
# What the workspace's profile optimises by name.
for package in axum hyper image libsqlite3-sys lofty notify ratatui-core ratatui-widgets tokio tract-{core,hir,onnx,onnx-opl}; do
  set_profile "package.$package.opt-level=0"
done
for package in runtime microfft realfft rustfft symphonia-{bundle-mp3,codec-aac,codec-vorbis}; do
  set_profile "package.$package.opt-level=1"
done

program="$(player/pi/build.sh "${quick[@]}")"
test -x "$program"
player/pi/check.sh "$program"
