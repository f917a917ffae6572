#!/usr/bin/env bash
# Writes onnx_proto.rs, the ONNX message types, from the definition in the Python package onnx. Needs pip and cargo; no
# protoc: protox compiles the definition in Rust. Run it when the ONNX format is to be newer.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version=1.19.0
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
pip download --quiet --no-deps --dest wheel "onnx==$version"
python3 -m zipfile -e wheel/*.whl unpacked
mkdir -p src
cat > Cargo.toml <<'TOML'
[package]
name = "make-onnx-proto"
version = "0.0.0"
edition = "2024"

[dependencies]
protox = "0.9"
prost-build = { version = "0.14", default-features = false }

[workspace]
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let definition = protox::compile(["onnx/onnx.proto"], ["unpacked"]).expect("onnx.proto compiles");
    let mut config = prost_build::Config::new();
    config.out_dir(".").bytes(["."]).disable_comments(["."]);
    config.compile_fds(definition).expect("Rust types are written");
}
RUST
cargo run --quiet
{
  echo "// The message types of ONNX, from onnx.proto of the Python package onnx $version (Apache-2.0, the ONNX project)."
  echo "// Written by make_onnx_proto.sh beside it; not edited by hand."
  cat onnx.rs
} > "$here/onnx_proto.rs"
rustfmt --edition 2024 --config-path "$here/../../../rustfmt.toml" "$here/onnx_proto.rs"
