//! `trainer eval --beside`: another model on the clips that one is scored on.

use super::args::EvalArgs;
use super::data::Data;
use super::{eval, show};
use anyhow::{Context, Result, bail};
use runtime::tagger::{Precision, Tagger};
use std::path::Path;
use trainer::corpus::{CorpusOptions, CorpusSpec};
use trainer::deliver::probabilities_by_runtime;
use trainer::eval::{Beside, EvalOptions, Scores, beside};
use trainer::train::LabelledClip;

/// The other model: its float file, where there is one.
pub fn load_other(path: &Path) -> Result<Tagger> {
    let float = eval::load(path, Precision::Float)?;
    let tagger = float.map_or_else(|| eval::load(path, Precision::Int8), |tagger| Ok(Some(tagger)))?;
    let Some(tagger) = tagger else { bail!("{}: neither a float nor an int8 model", path.display()) };
    Ok(tagger)
}

/// What the model itself was scored on.
pub struct Ours<'a> {
    /// Its corpus.
    pub data: &'a Data,
    /// Numbers of the clips in it.
    pub numbers: &'a [usize],
    /// Its answers on these clips.
    pub scores: &'a Scores,
}

/// Scores the other model on the same clips, heard through its own front end, and sets the two side by side.
pub fn score(
    other: &Tagger,
    ours: &Ours<'_>,
    (corpus, choices): (&CorpusSpec, &CorpusOptions),
    args: &EvalArgs,
    options: &EvalOptions,
) -> Result<Beside> {
    let (tags, threshold) = (&ours.data.corpus.tags, ours.scores.positive_threshold());
    let data = Data::load(corpus, choices, other.mel_config(), &args.data)?;
    // Before anything is scored: the table may not fit this model.
    let names = eval::mapped(args.tags.as_deref(), other.tags(), tags, true)?;
    // Both lists are of one corpus in one order, each without what its front end could not hear.
    let pairs = in_common(ours, &data);
    let lost = ours.numbers.len() - pairs.len();
    if lost > 0 {
        show::line(&format!("{lost} clips that only one of the two can hear are not compared"));
    }
    if pairs.is_empty() {
        bail!("{corpus}: the two models can hear no clip in common");
    }
    let clips: Vec<LabelledClip<'_>> = pairs.iter().map(|&(_, number)| data.clip(number)).collect();
    let name = &other.card().name;
    show::stage(&format!("Scoring {} clips by {name}", clips.len()));
    let p = probabilities_by_runtime(other, &clips, args.aggregate.into())?;
    let truth: Vec<f32> = clips.iter().flat_map(|clip| clip.labels.iter().copied()).collect();
    let (theirs, _) = Scores::matched(&names, &p, tags, &truth, clips.len())
        .with_context(|| format!("{name} on {corpus}"))?;
    let theirs = theirs.with_positive_threshold(threshold)?;
    let places: Vec<usize> = pairs.iter().map(|&(place, _)| place).collect();
    let mine = rows(ours.scores, &places)?;
    Ok(beside(&mine, name, &theirs, (options.resamples, options.seed))?)
}

/// (place among our clips, number in the other corpus) of the clips that both have.
fn in_common(ours: &Ours<'_>, other: &Data) -> Vec<(usize, usize)> {
    let mut next = 0;
    let mut pairs = Vec::new();
    for (place, &number) in ours.numbers.iter().enumerate() {
        let clip = &ours.data.corpus.clips[number];
        let same = |other: &trainer::corpus::Clip| other.id == clip.id && other.source == clip.source;
        if let Some(ahead) = other.corpus.clips[next..].iter().position(same) {
            pairs.push((place, next + ahead));
            next += ahead + 1;
        }
    }
    pairs
}

/// The scores of these clips alone.
fn rows(scores: &Scores, places: &[usize]) -> Result<Scores> {
    let width = scores.tags().len();
    let gather = |table: &[f32]| -> Vec<f32> {
        places.iter().flat_map(|&place| &table[place * width..][..width]).copied().collect()
    };
    let (truth, p) = (gather(scores.truth()), gather(scores.probabilities()));
    let rows = Scores::new(scores.tags().to_vec(), places.len(), truth, p)?;
    let rows = rows.with_positive_threshold(scores.positive_threshold())?;
    let Some(groups) = scores.groups() else { return Ok(rows) };
    let names: Vec<String> = places.iter().map(|&place| groups[place].to_string()).collect();
    Ok(rows.with_groups(names.iter().map(|name| Some(name.as_str()))))
}
