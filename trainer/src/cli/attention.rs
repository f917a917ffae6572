//! `trainer attention`: a picture of where in a song the tags were read.

use super::args::AttentionArgs;
use super::show;
use anyhow::{Context, Result, bail};
use runtime::decode::decode_file_for;
use runtime::tagger::{SongTags, Tagger};
use std::path::PathBuf;
use std::process::ExitCode;
use trainer::plot::{self, AttentionStep};

pub fn attention(args: &AttentionArgs) -> Result<ExitCode> {
    let tagger = Tagger::load(&args.model)?;
    if tagger.card().outputs.attention.is_none() {
        bail!(
            "{}: {} has no attention to draw; `trainer train --model crnn-attention` trains a network that has",
            args.model.display(),
            tagger.card().name
        );
    }
    // The error names the file itself.
    let audio = decode_file_for(&args.song, tagger.mel_config().sample_rate, f64::INFINITY)?;
    let song = tagger.tag(audio.pcm()).with_context(|| format!("{}", args.song.display()))?;
    let file = args.song.file_name().unwrap_or(args.song.as_os_str()).to_string_lossy();
    let tags: Vec<String> =
        song.top::<3>().iter().map(|score| format!("{} {:.2}", score.tag, score.p)).collect();
    let title = format!("{file}: {}", tags.join(", "));
    let heard = tagger.card().input.frames as f64 * seconds_per_frame(&tagger);
    let said = format!(
        "attention of {}, {} window{} of {:.1} s, {:.1} s of music{}",
        tagger.card().name,
        song.windows,
        if song.windows == 1 { "" } else { "s" },
        heard,
        song.seconds,
        if song.seconds < heard { " repeated to fill it" } else { "" }
    );
    let stem = args.out.clone().unwrap_or_else(|| {
        let name = args.song.file_stem().unwrap_or(args.song.as_os_str()).to_string_lossy();
        PathBuf::from(format!("{name}.attention"))
    });
    if let Some(folder) = stem.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    }
    let files = plot::attention(&stem, &title, &said, &steps(&tagger, &song))?;
    for file in [files.png, files.svg] {
        show::line(&file.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn seconds_per_frame(tagger: &Tagger) -> f64 {
    let mel = tagger.mel_config();
    mel.hop_length as f64 / f64::from(mel.sample_rate)
}

/// The weights with their places in the song.
fn steps(tagger: &Tagger, song: &SongTags) -> Vec<AttentionStep> {
    let (input, weights) = (&tagger.card().input, song.attention.as_deref().unwrap_or_default());
    let steps = weights.len() / song.windows;
    // Steps divide the window with the zeros around it; what lies in those is no music.
    let padding = tagger.card().architecture.as_ref().map(|architecture| &architecture["pad_frames"]);
    let pad = |i: usize| padding.and_then(|frames| frames[i].as_u64()).unwrap_or(0) as f64;
    let (before, after) = (pad(0), pad(1));
    let each = (input.frames as f64 + before + after) / steps.max(1) as f64;
    let rows = input.frames.div_ceil(input.hop_frames);
    let second = seconds_per_frame(tagger);
    let place = |window: usize, step: usize| {
        let within = (step as f64 * each - before).clamp(0.0, input.frames as f64);
        ((window * input.hop_frames) as f64 + within) * second
    };
    weights
        .iter()
        .enumerate()
        .map(|(i, &weight)| {
            let (window, step) = (i / steps, i % steps);
            AttentionStep {
                row: window % rows,
                from: place(window, step),
                to: place(window, step + 1),
                weight: f64::from(weight),
                even: 1.0 / steps as f64,
                first: step == 0,
            }
        })
        .collect()
}
