//! Makes the tables that lie in flash: taps of the resampler, window and filters of Minim's spectrogram.

#[path = "build/mel.rs"]
mod mel;
#[path = "build/taps.rs"]
mod taps;
#[path = "src/mel/triangles.rs"]
// The library has configurations of the other kind, too.
#[allow(dead_code)]
mod triangles;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    for file in ["build.rs", "build/mel.rs", "build/taps.rs", "src/mel/triangles.rs"] {
        println!("cargo::rerun-if-changed={file}");
    }
    println!("cargo::rustc-check-cfg=cfg(minim_dsp)");
    if has_dsp() {
        println!("cargo::rustc-cfg=minim_dsp");
    }
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("taps.rs"), taps::source())?;
    fs::write(Path::new(&out).join("mel_tables.rs"), mel::source())?;
    Ok(())
}

/// Whether the processor has `smlad` and its like: all Cortex-M4 and M7, and a Cortex-M33 where the build says that it is
/// one (`-C target-cpu=cortex-m33`), for there the extension may be left out.
fn has_dsp() -> bool {
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    target.starts_with("thumbv7em") || (target.starts_with("thumbv8m.main") && flags.contains("cortex-m33"))
}
