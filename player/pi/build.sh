#!/usr/bin/env bash
# Builds the player for a 64-bit Raspberry Pi on another computer and prints where the program is.
#
# Takes rustup's target where it is installed (rustup target add aarch64-unknown-linux-gnu), else Debian's second
# toolchain: dpkg --add-architecture arm64; apt-get install rustc-web cargo-web libstd-rust-web-dev:arm64. Either needs
# gcc-aarch64-linux-gnu and libc6-dev-arm64-cross. Further arguments go to cargo, such as --profile dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
triple=aarch64-unknown-linux-gnu
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER="${CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER:-aarch64-linux-gnu-gcc}"
export CC_aarch64_unknown_linux_gnu="${CC_aarch64_unknown_linux_gnu:-aarch64-linux-gnu-gcc}"
cargo=(cargo)
target="${CARGO_TARGET_DIR:-$PWD/target}"
if ! rustup target list --installed 2>/dev/null | grep -qx "$triple"; then
  if [ ! -x /usr/bin/cargo ] || [ ! -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/$triple" ]; then
    echo "no Rust for $triple: rustup target add $triple, or on Debian apt-get install libstd-rust-web-dev:arm64" >&2
    exit 1
  fi
  export RUSTC=/usr/bin/rustc
  cargo=(/usr/bin/cargo)
  # Another compiler's files, apart from those of this computer's.
  target="$target/pi"
fi
profile=(--release)
folder=release
for argument in "$@"; do
  case "$argument" in --profile*) profile=() folder=debug ;; esac
done
CARGO_TARGET_DIR="$target" "${cargo[@]}" build --bin player --target "$triple" "${profile[@]}" "$@" >&2
echo "$target/$triple/$folder/player"
