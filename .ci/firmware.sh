#!/usr/bin/env bash
# Builds the firmware, runs it in QEMU on both boards and holds it to this computer; builds the Pico 2's.
#
# Installs by apt-get what is missing, where that is allowed: QEMU, and, where rustup has no bare-metal targets, Debian's
# second Rust toolchain.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=()
command -v qemu-system-arm >/dev/null || packages+=(qemu-system-arm)
targets="$(rustup target list --installed 2>/dev/null || true)"
if ! grep -qx thumbv7em-none-eabihf <<<"$targets" || ! grep -qx thumbv8m.main-none-eabihf <<<"$targets"; then
  if ! [ -x /usr/bin/cargo ] || ! [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src" ]; then
    packages+=(rustc-web cargo-web rust-web-src)
  fi
  command -v ld.lld >/dev/null || packages+=(lld)
fi
if [ ${#packages[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null ||
    { echo "missing: ${packages[*]} (Debian's names)" >&2; exit 1; }
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

cargo fmt --manifest-path firmware-demo/Cargo.toml --check
cargo fmt --manifest-path firmware-demo/pico2/Cargo.toml --check

# Its own folders: other compilers, other targets.
target="${CARGO_TARGET_DIR:-$PWD/target}"
program="$(CARGO_TARGET_DIR="$target/firmware" firmware-demo/build.sh)"
test -x "$program"
MINIM_FIRMWARE="$program" cargo test -p tests --test firmware -- --nocapture

# The other models and rates are built and tag once.
program="$(CARGO_TARGET_DIR="$target/firmware" firmware-demo/build.sh --features large,any-rate)"
firmware-demo/qemu.sh "$program" firmware-demo/clips/pulse.wav | cargo run --bin player -- listen --serial -

CARGO_TARGET_DIR="$target/pico2" firmware-demo/build.sh pico2
