//! `trainer label`: a teacher's probabilities as the labels of any audio.

use super::args::LabelArgs;
use super::{INTERRUPTED, show};
use anyhow::{Context, Result};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use trainer::label::{LabelOptions, Teacher, label as label_corpora};

pub fn label(args: &LabelArgs) -> Result<ExitCode> {
    let teacher = Teacher::load(&args.teacher)?.without(&args.without_tags)?;
    let id = teacher.id();
    show::stage(&format!("Labels by {}", id.name));
    show::line(&format!(
        "{} tags, windows of {:.3} s every {:.3} s",
        id.tags.len(),
        id.window_seconds,
        id.hop_seconds
    ));
    let options = LabelOptions {
        out: args.out.clone(),
        jobs: trainer::jobs::threads_or_cores(args.jobs),
        seed: args.seed,
        draw_test: !args.no_test,
        split: args.split.only(),
        force: args.force,
    };
    let stop = stop_on_ctrl_c()?;
    let bar = show::bar("files");
    let report = label_corpora(&teacher, &args.corpus, &options, &bar, &stop);
    bar.finish_and_clear();
    let report = report?;
    show::problems(&report.problems);
    for id in &report.shortened {
        show::line(&format!("{id}: longer than half an hour, of which the labels are"));
    }
    if args.json {
        println!("{}", serde_json::to_string(&report.to_json()?)?);
    }
    if report.interrupted {
        show::line(&format!(
            "stopped; {} files labelled now are kept, the same command goes on",
            report.labelled_now
        ));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if !args.json {
        println!(
            "{} windows of {} files ({} labelled now; {} train, {} validation, {} test): {}",
            report.windows,
            report.files,
            report.labelled_now,
            report.splits.train,
            report.splits.validation,
            report.splits.test,
            args.out.display()
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The first Ctrl-C lets the files that are begun end; the second ends the program. Either way nothing is lost that is
/// in the part file.
fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        eprintln!("\n  stopping after the files at hand (Ctrl-C again to stop at once)");
    })
    .context("catching Ctrl-C")?;
    Ok(stop)
}
