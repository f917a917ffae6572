#!/bin/sh
# Builds firmware-demo (or, with a folder's name first, as in `build.sh pico2`, that one) and says where it is.
#
#   build.sh [pico2] [--features large ...]
#
# With rustup's target where it is installed; else with Debian's second toolchain, which brings the source of `core`
# (packages rustc-web cargo-web rust-web-src lld).
set -eu

cd "$(dirname "$0")"
target=thumbv7em-none-eabihf
flags="-C link-arg=-Tlink.x -C llvm-args=-unroll-runtime=false"
if [ "${1:-}" = pico2 ]; then
  shift
  cd pico2
  target=thumbv8m.main-none-eabihf
  flags="-C link-arg=-Tlink.x -C target-cpu=cortex-m33"
fi
if command -v rustup >/dev/null && rustup target list --installed 2>/dev/null | grep -qx "$target"; then
  cargo build --release --quiet "$@"
  folder="${CARGO_TARGET_DIR:-target}"
elif [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && [ -d /usr/lib/rustlib/src ] ||
     [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src" ]; then
  # Another compiler: another folder, or each would build all of the other's anew.
  folder="${CARGO_TARGET_DIR:-target}/debian"
  RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS="$flags -C linker=ld.lld" CARGO_TARGET_DIR="$folder" \
    /usr/bin/cargo build --release --quiet -Zbuild-std=core --target "$target" "$@"
else
  echo "build.sh: neither rustup's target ($target) nor Debian's rust-web-src is installed" >&2
  exit 2
fi
name="$(sed -n 's/^name = "\(.*\)"/\1/p' Cargo.toml | head -1)"
case "$folder" in /*) ;; *) folder="$(pwd)/$folder" ;; esac
echo "$folder/$target/release/$name"
