//! `trainer eval --robustness`: the clips of a split, changed.

use super::args::CorpusArgs;
use super::show;
use anyhow::{Context, Result, bail};
use runtime::tagger::Tagger;
use sha2::{Digest, Sha256};
use trainer::corpus::{Clip, Corpus};
use trainer::deliver::Aggregate;
use trainer::eval::{EvalOptions, Robustness, Scores};
use trainer::robust::{Answered, Change, hear};
use trainer::text::to_hex;

/// Raised whenever changes or their answers become others.
const VERSION: u32 = 1;

/// What is scored, and how.
pub struct Asked<'a> {
    pub corpus: &'a Corpus,
    /// Numbers of the clips in it.
    pub numbers: &'a [usize],
    /// Under which name each of the model's tags is scored.
    pub names: &'a [String],
    pub aggregate: Aggregate,
    pub positive_threshold: f32,
    pub options: &'a EvalOptions,
}

/// Lets the model hear every clip in every form and sets the scores side by side.
pub fn measure(tagger: &Tagger, asked: &Asked<'_>, args: &CorpusArgs) -> Result<Robustness> {
    let clips: Vec<&Clip> = asked.numbers.iter().map(|&number| &asked.corpus.clips[number]).collect();
    show::stage(&format!("Scoring {} clips in {} forms", clips.len(), Change::ALL.len()));
    // Answers are this file's alone.
    let model = std::fs::read(tagger.path()).with_context(|| tagger.path().display().to_string())?;
    let card = tagger.card().to_json()?;
    let hash = Sha256::new()
        .chain_update(VERSION.to_le_bytes())
        .chain_update(&model)
        .chain_update(card)
        .chain_update(format!("{:?}", asked.aggregate));
    let path = args.cache.join("changed").join(format!("{}.jsonl", &to_hex(&hash.finalize())[..16]));
    let answered = Answered::open(&path, tagger.tags().len())?;
    let jobs = trainer::jobs::threads_or_cores(args.jobs);
    let bar = show::bar("changed clips");
    bar.set_length(clips.len() as u64);
    let heard = hear(tagger, &clips, &Change::ALL, asked.aggregate, &answered, jobs, &|| bar.inc(1));
    bar.finish_and_clear();
    let heard = heard?;
    show::problems(&heard.problems);
    if heard.clips.is_empty() {
        bail!("no clip could be heard in every form");
    }
    let truth: Vec<f32> = heard.clips.iter().flat_map(|&place| clips[place].labels.iter().copied()).collect();
    let scores = |p: &[f32]| -> Result<Scores> {
        let (scores, _) = Scores::matched(asked.names, p, &asked.corpus.tags, &truth, heard.clips.len())?;
        let groups = heard.clips.iter().map(|&place| clips[place].group.as_deref());
        Ok(scores.with_positive_threshold(asked.positive_threshold)?.with_groups(groups))
    };
    let plain = scores(&heard.probabilities[0])?;
    let changed: Result<Vec<_>> = Change::ALL
        .iter()
        .zip(&heard.probabilities)
        .skip(1)
        .map(|(change, p)| Ok((word(*change)?, change.said().to_owned(), scores(p)?)))
        .collect();
    Ok(Robustness::of(&plain, &changed?, (asked.options.resamples, asked.options.seed))?)
}

/// A change as JSON calls it.
fn word(change: Change) -> Result<String> {
    Ok(serde_json::to_value(change)?.as_str().context("a change is a word")?.to_owned())
}
