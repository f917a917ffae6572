//! What people see: a heading per stage, bars where it takes time. Everything goes to standard error, so that standard
//! output is free for `--json`.

use indicatif::{ProgressBar, ProgressStyle};
use trainer::corpus::Problem;
use trainer::train::{Calibrated, EpochRecord, Progress, StepTime};

/// Problems named one by one before the rest is counted.
const PROBLEMS_SHOWN: usize = 20;

/// An error and its causes, each said once: many of ours name their cause themselves.
pub fn chain(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            said if said.contains(&cause) => text,
            said => format!("{said}: {cause}"),
        }
    })
}

pub fn stage(text: &str) {
    eprintln!("\n\u{25b8} {text}");
}

pub fn line(text: &str) {
    eprintln!("  {text}");
}

pub fn problems(problems: &[Problem]) {
    some_problems(problems, "metrics.json does not count them");
}

/// The first problems, and how many more there are, with what is to be said of those.
pub fn some_problems(problems: &[Problem], of_the_rest: &str) {
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        line(&format!("left out {}: {}", problem.id, problem.reason));
    }
    if problems.len() > PROBLEMS_SHOWN {
        line(&format!("and {} more left out; {of_the_rest}", problems.len() - PROBLEMS_SHOWN));
    }
}

pub fn calibrated(calibrated: &Calibrated) {
    stage(&format!("Calibrating on {} windows of the validation split", calibrated.windows));
    let (before, after) = (&calibrated.before, &calibrated.after);
    line(&format!(
        "probabilities are off by {:.4} in the mean, by {:.4} after it; a tag's mean by {:.4}, by {:.4} after it",
        before.expected_error, after.expected_error, before.tag_error, after.tag_error
    ));
}

pub fn bar(what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {msg} {bar:32} {pos}/{len}  {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style).with_message(what.to_string())
}

/// One bar over all epochs, one line per epoch.
pub struct TrainingBar {
    bar: ProgressBar,
    epochs: usize,
}

impl TrainingBar {
    pub fn new(epochs: usize) -> Self {
        let style = ProgressStyle::with_template("  {bar:32} {pos}/{len} steps, {eta} left  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self { bar: ProgressBar::no_length().with_style(style), epochs }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for TrainingBar {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) {
        self.bar.set_length((self.epochs * steps) as u64);
        self.bar.set_position(((epoch - 1) * steps + step) as u64);
        // A GPU has not said anything before its first fifty steps.
        let loss = if loss.is_nan() { String::new() } else { format!(", loss {loss:.3}") };
        self.bar.set_message(format!("epoch {epoch}{loss}"));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        let text = format!(
            "  epoch {:>3}  loss {:.4}  {}{}  {:.1} s{}",
            record.epoch,
            record.train_loss,
            record.merit_text(),
            if best { " *" } else { "  " },
            record.seconds,
            shares(&record.time)
        );
        // Without a terminal the bar draws nothing: a line now and then keeps a log readable.
        if self.bar.is_hidden() {
            if record.epoch == 1 || record.epoch.is_multiple_of(5) {
                eprintln!("{text}");
            }
        } else {
            self.bar.println(text);
        }
    }
}

/// Where an epoch's time went, in percent of the steps.
fn shares(time: &StepTime) -> String {
    let total = time.total();
    if total <= 0.0 {
        return String::new();
    }
    let parts = [
        ("waiting", time.waiting),
        ("forward", time.forward),
        ("backward", time.backward),
        ("step", time.step),
        ("reading", time.reading),
    ];
    // What takes no time worth a percent is not worth a word, but waiting always is.
    let shown = parts.map(|(name, seconds)| (name, (100.0 * seconds / total).round()));
    let shown = shown.iter().filter(|(name, percent)| *percent > 0.0 || *name == "waiting");
    let texts: Vec<String> = shown.map(|(name, percent)| format!("{name} {percent} %")).collect();
    format!("  ({})", texts.join(", "))
}
