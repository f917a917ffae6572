//! Builds the firmware, runs it in QEMU and writes firmware-demo/REPORT.md: memory, and instructions by what they are for.
//!
//!     cargo run --bin firmware_report
//!
//! Needs what firmware-demo/build.sh and qemu.sh need. The music is the three clips, twice.

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use runtime::frames::{Decoder, Message};
use runtime::packed::PackedModel;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Parser)]
struct Args {
    /// Where the report goes
    #[arg(long, default_value = "firmware-demo/REPORT.md")]
    out: PathBuf,
}

/// A build of the firmware.
struct Build {
    name: &'static str,
    model: &'static str,
    features: &'static [&'static str],
}

const BUILDS: [Build; 4] = [
    Build { name: "0.1M", model: "k2c1-msd50-0.1m", features: &[] },
    Build { name: "0.25M", model: "k2c1-msd50", features: &["--features", "large"] },
    Build { name: "0.1M, at once", model: "k2c1-msd50-0.1m", features: &["--features", "at-once"] },
    Build { name: "0.1M, any rate", model: "k2c1-msd50-0.1m", features: &["--features", "any-rate"] },
];

const BOARDS: [(&str, &str); 2] = [("mps2-an386", "Cortex-M4F"), ("mps2-an500", "Cortex-M7")];

type Figures = BTreeMap<String, f64>;

fn main() -> Result<()> {
    let args = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("a folder above")?;
    let folder = tempfile::tempdir()?;
    let wav = folder.path().join("music.wav");
    std::fs::write(&wav, music(root)?)?;
    let mut columns = Vec::new();
    for build in &BUILDS {
        let program = built(root, build)?;
        for (board, processor) in BOARDS {
            let figures = figures(root, &program, board, &wav)?;
            columns.push((format!("{}, {processor}", build.name), build, figures));
        }
    }
    std::fs::write(&args.out, report(root, &columns)?).with_context(|| format!("{}", args.out.display()))?;
    println!("{}", args.out.display());
    Ok(())
}

/// The clips one after the other, twice, as one WAV file.
fn music(root: &Path) -> Result<Vec<u8>> {
    let (mut head, mut samples) = (Vec::new(), Vec::new());
    for name in ["warm-ink", "mainscreen", "pulse"] {
        let path = root.join(format!("firmware-demo/clips/{name}.wav"));
        let wav = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
        head = wav[..44].to_vec();
        samples.extend_from_slice(&wav[44..]);
    }
    let samples = [&samples[..], &samples[..]].concat();
    head[40..44].copy_from_slice(&u32::try_from(samples.len())?.to_le_bytes());
    Ok([head, samples].concat())
}

fn built(root: &Path, build: &Build) -> Result<PathBuf> {
    let output = Command::new(root.join("firmware-demo/build.sh"))
        .args(build.features)
        .stderr(Stdio::inherit())
        .output()
        .context("firmware-demo/build.sh")?;
    ensure!(output.status.success(), "firmware-demo/build.sh failed");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().last().context("the program's path")?.into())
}

fn figures(root: &Path, program: &Path, board: &str, wav: &Path) -> Result<Figures> {
    let output = Command::new(root.join("firmware-demo/qemu.sh"))
        .arg(program)
        .arg(wav)
        .env("MINIM_BOARD", board)
        .stdin(Stdio::null())
        .output()
        .context("firmware-demo/qemu.sh")?;
    let mut figures = Figures::new();
    let mut decoder = Box::new(Decoder::<1024>::new());
    for &byte in &output.stdout {
        if let Some(Ok(Message::Log { text })) = decoder.push(byte) {
            let Some((name, number)) = text.rsplit_once(' ') else { bail!("{text}") };
            figures.insert(name.into(), number.parse().with_context(|| text.to_owned())?);
        }
    }
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(figures)
}

/// Multiply-accumulates of each layer over so many frames.
fn products(model: &PackedModel<'_>, frames: usize) -> Vec<usize> {
    let mut columns = frames;
    let each = model.layers().iter().map(|layer| {
        let positions = (columns + 1).saturating_sub(layer.kernel.into());
        columns = positions / usize::from(layer.pool);
        positions * layer.taps() * usize::from(layer.outputs)
    });
    each.collect()
}

fn report(root: &Path, columns: &[(String, &Build, Figures)]) -> Result<String> {
    let mut text = String::from(
        "# What the firmware takes\n\n\
         Written by `cargo run --bin firmware_report`: QEMU, with time that follows the instructions, and SysTick, 40 \
         instructions to a tick. The music is 48 s at 48 kHz. RAM is all of it: static, and the stack at its deepest, \
         found by paint; the program's memory lies on the stack. Instructions are per second of audio, of the tagging \
         alone: reading the file and the serial line are left out. The work of the upper layers is spread over frames \
         but for \"at once\".\n\n",
    );
    let get = |figures: &Figures, name: &str| {
        figures.get(name).copied().with_context(|| format!("the firmware did not say {name}"))
    };
    let row = |text: &mut String, name: &str, cells: Vec<String>| {
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    };
    row(&mut text, "", columns.iter().map(|(name, ..)| name.clone()).collect());
    row(&mut text, "---", columns.iter().map(|_| "---:".into()).collect());
    let each = |cell: &dyn Fn(&Build, &Figures) -> Result<String>| -> Result<Vec<String>> {
        columns.iter().map(|(_, build, figures)| cell(build, figures)).collect()
    };
    row(&mut text, "flash, bytes", each(&|_, f| Ok(format!("{}", get(f, "flash")?)))?);
    row(
        &mut text,
        "of it the model",
        each(&|build, _| {
            let path = root.join("models").join(build.model).join("model.bin");
            Ok(format!("{}", std::fs::metadata(path)?.len()))
        })?,
    );
    row(&mut text, "RAM, bytes", each(&|_, f| Ok(format!("{}", get(f, "statics")? + get(f, "stack")?)))?);
    row(&mut text, "of it lent to the listener", each(&|_, f| Ok(format!("{}", get(f, "memory")?)))?);
    let per_second = |f: &Figures, name: &str| -> Result<f64> {
        Ok(get(f, name)? / (get(f, "heard-milliseconds")? / 1e3))
    };
    let thousands = |number: f64| format!("{:.0}", number / 1e3);
    let mut names: Vec<String> = vec!["resampler".into(), "front-end".into()];
    names.extend((1..=8).map(|layer| format!("layer-{layer}")));
    for name in &names {
        row(
            &mut text,
            &format!("{name}, thousand instructions"),
            each(&|_, f| Ok(thousands(per_second(f, name)?)))?,
        );
    }
    row(
        &mut text,
        "**all, thousand instructions**",
        each(&|_, f| {
            let all = names.iter().map(|name| per_second(f, name)).sum::<Result<f64>>()?;
            Ok(format!("**{}**", thousands(all)))
        })?,
    );
    row(
        &mut text,
        "costliest frame / mean, network",
        each(&|_, f| Ok(format!("{:.2}", get(f, "worst-frame")? / get(f, "mean-frame")?)))?,
    );
    row(
        &mut text,
        "costliest frame / mean, all",
        each(&|_, f| {
            // Resampler and front end cost every frame the same.
            let rest = (get(f, "resampler")? + get(f, "front-end")?) / get(f, "frames")?;
            Ok(format!("{:.2}", (get(f, "worst-frame")? + rest) / (get(f, "mean-frame")? + rest)))
        })?,
    );
    text.push_str(
        "\n## Instructions per multiply-accumulate\n\n\
         All of a layer: products, requantising, pooling, ELU, moving columns, and the counting itself; in the last \
         one the sigmoids and the means, too. Work that is spread is taken up several times a position. For scale: `arm_convolve_wrapper_s8` of CMSIS-NN (gcc 12 -O3, the same QEMU machine) takes \
         1.84 in 96->43, 2.01 in 43->43, 1.95 in 43->87, 1.79 in 96->72 and 1.81 in 72->145.\n\n",
    );
    // Instructions are the same on both processors.
    let (_, processor) = BOARDS[0];
    let shown =
        columns.iter().filter(|(name, build, _)| name.ends_with(processor) && build.name != BUILDS[3].name);
    for (name, build, figures) in shown {
        let path = root.join("models").join(build.model).join("model.bin");
        let bytes = std::fs::read(path)?;
        let model = PackedModel::parse(&bytes)?;
        let products = products(&model, get(figures, "frames")? as usize);
        let _ = writeln!(
            text,
            "{name}:\n\n| layer | channels | kernel | instructions per multiply-accumulate |\n|---:|---|---:|---:|"
        );
        for (i, (layer, products)) in model.layers().iter().zip(products).enumerate() {
            let instructions = get(figures, &format!("layer-{}", i + 1))?;
            let _ = writeln!(
                text,
                "| {} | {}->{} | {} | {:.2} |",
                i + 1,
                layer.inputs,
                layer.outputs,
                layer.kernel,
                instructions / products as f64
            );
        }
        text.push('\n');
    }
    Ok(text.trim_end().to_owned() + "\n")
}
