//! From a spec to a corpus that can be used.

use super::synth::{self, SynthSpec};
use super::{
    Clip, ClipSource, Corpus, CorpusError, CorpusOptions, CorpusSpec, Listing, Problem, debian, folder, join,
    manifest, split, taught,
};
use crate::fetch::List;

/// A corpus, and what was left out of it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What is usable as far as can be told without decoding; every clip has a split.
    pub corpus: Corpus,
    /// Files that are missing or cannot be reached, each once.
    pub problems: Vec<Problem>,
    /// Tags with too few positive clips, or beyond the number asked for, and how many clips had them.
    pub dropped_tags: Vec<(String, usize)>,
    /// Clips left out because no remaining tag is labelled for them.
    pub unlabelled: usize,
}

/// One of the corpora of a spec, its files checked and its splits assigned.
pub(super) struct Part {
    pub name: String,
    pub tags: Vec<String>,
    pub clips: Vec<Clip>,
    pub problems: Vec<Problem>,
    pub split_rule: String,
    pub unlabelled: usize,
}

/// A label counts as present from here on when splits are balanced, whatever threshold scores are computed with.
pub(super) const SPLIT_THRESHOLD: f32 = 0.5;

/// Loads the list of a corpus, checks that its files exist, chooses tags and assigns splits. Of several corpora, each
/// has the splits that it has alone.
///
/// # Errors
/// [`CorpusError`] when a list cannot be read or nothing usable is in it.
pub fn load(spec: &CorpusSpec, options: &CorpusOptions) -> Result<Loaded, CorpusError> {
    let parts = spec.parts().iter().map(|spec| part(spec, options)).collect::<Result<Vec<_>, _>>()?;
    let Part { name, mut tags, mut clips, problems, split_rule, mut unlabelled } = join::join(parts);
    let dropped_tags = choose_tags(&mut tags, &mut clips, options);
    if tags.is_empty() && !options.keep_unlabelled {
        let reason = format!("no tag has {} positive clips", options.min_positives.max(1));
        return Err(CorpusError::Empty { name, reason });
    }
    if !options.keep_unlabelled {
        let before = clips.len();
        clips.retain(labelled);
        unlabelled += before - clips.len();
    }
    let soft = |label: &f32| !label.is_nan() && *label != 0.0 && *label != 1.0;
    let soft_labels = clips.iter().any(|clip| clip.labels.iter().any(soft));
    Ok(Loaded {
        corpus: Corpus { name, tags, clips, split_rule, soft_labels },
        problems,
        dropped_tags,
        unlabelled,
    })
}

fn part(spec: &CorpusSpec, options: &CorpusOptions) -> Result<Part, CorpusError> {
    let name = spec.to_string();
    let listing = match spec {
        CorpusSpec::Synth { clips } => {
            let spec = SynthSpec { clips: *clips, seconds: options.synth_seconds, seed: options.seed };
            let Corpus { tags, clips, split_rule, .. } = synth::corpus(&spec);
            return Ok(Part { name, tags, clips, problems: Vec::new(), split_rule, unlabelled: 0 });
        }
        CorpusSpec::Folder(dir) => folder::list(dir)?,
        CorpusSpec::Manifest(file) => manifest::list(file)?,
        CorpusSpec::Debian(dir) => {
            return unlabelled_music(name, debian::list(dir, List::debian())?, options);
        }
        CorpusSpec::Published(published) => published.list()?.into_listing(&published.dir)?,
        CorpusSpec::Several(specs) => {
            let parts = specs.iter().map(|spec| part(spec, options)).collect::<Result<Vec<_>, _>>()?;
            return Ok(join::join(parts));
        }
    };
    let Listing { tags, mut clips, mut problems, grouped_by, split_rule: rule } = listing;
    let listed = clips.len();
    clips.retain(|clip| {
        let problem = unreachable(clip);
        let fine = problem.is_none();
        problems.extend(problem);
        fine
    });
    if clips.is_empty() {
        let reason = match problems.first() {
            Some(first) => format!("{} problems, the first: {}: {}", problems.len(), first.id, first.reason),
            None => format!("{listed} audio files are listed"),
        };
        return Err(CorpusError::Empty { name, reason });
    }
    let before = clips.len();
    if !options.keep_unlabelled {
        clips.retain(labelled);
    }
    let unlabelled = before - clips.len();
    // Before any choice that differs between training and a later evaluation: the split of a list depends on the
    // list and the seed alone, so that what was trained on is never scored as a test.
    let given = rule.as_deref().unwrap_or("given by the manifest");
    let split_rule = split::assign(&mut clips, options, SPLIT_THRESHOLD, grouped_by, given);
    Ok(Part { name, tags, clips, problems, split_rule, unlabelled })
}

fn labelled(clip: &Clip) -> bool {
    clip.labels.iter().any(|label| !label.is_nan())
}

/// Music whose list gives every clip its split, and none a label.
///
/// Nothing is drawn here: there is no test split, as what a teacher said of this music measures agreement with the
/// teacher and not knowledge of music, and validation does that.
fn unlabelled_music(name: String, listing: Listing, options: &CorpusOptions) -> Result<Part, CorpusError> {
    let reason = if listing.clips.is_empty() {
        "none of the listed music is there; get it by trainer fetch debian --to DIR"
    } else if !options.keep_unlabelled {
        "its clips have no labels: have a teacher label them first by trainer label --teacher MODEL --corpus debian:DIR \
         --out labels.csv, and use manifest:labels.csv"
    } else {
        let Listing { tags, clips, problems, grouped_by, .. } = listing;
        let split_rule = format!("given by the list, by {grouped_by}");
        return Ok(Part { name, tags, clips, problems, split_rule, unlabelled: 0 });
    };
    Err(CorpusError::Empty { name, reason: reason.into() })
}

fn unreachable(clip: &Clip) -> Option<Problem> {
    let ClipSource::File(path) = &clip.source else { return None };
    let reason = match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() => return None,
        Ok(_) => "not a regular file".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(Problem { id: clip.id.clone(), reason: format!("{}: {reason}", path.display()) })
}

/// Drops rare tags and those beyond the number asked for, keeping their order.
fn choose_tags(tags: &mut Vec<String>, clips: &mut [Clip], options: &CorpusOptions) -> Vec<(String, usize)> {
    let threshold = options.positive_threshold;
    let positives = |tag: usize| clips.iter().filter(|clip| clip.labels[tag] >= threshold).count();
    let counts: Vec<usize> = (0..tags.len()).map(positives).collect();
    let taught = taught(clips);
    let enough = |tag: usize| {
        let any_label = || clips.iter().any(|clip| !clip.labels[tag].is_nan());
        counts[tag] >= options.min_positives || (taught && any_label())
    };
    let mut keep: Vec<usize> = (0..tags.len()).filter(|&tag| enough(tag)).collect();
    if let Some(most) = options.max_tags {
        if taught {
            let sum = |tag: usize| -> f64 {
                let labels = clips.iter().map(|clip| f64::from(clip.labels[tag]));
                labels.filter(|label| !label.is_nan()).sum()
            };
            let sums: Vec<f64> = (0..tags.len()).map(sum).collect();
            keep.sort_by(|&a, &b| sums[b].total_cmp(&sums[a]));
        } else {
            keep.sort_by_key(|&tag| std::cmp::Reverse(counts[tag]));
        }
        keep.truncate(most);
        keep.sort_unstable();
    }
    if keep.len() == tags.len() {
        return Vec::new();
    }
    for clip in clips {
        let windows = clip.windows.iter_mut().map(|window| &mut window.labels);
        for labels in windows.chain([&mut clip.labels]) {
            *labels = keep.iter().map(|&tag| labels[tag]).collect();
        }
    }
    let dropped =
        (0..tags.len()).filter(|tag| !keep.contains(tag)).map(|tag| (tags[tag].clone(), counts[tag]));
    let dropped = dropped.collect();
    *tags = keep.iter().map(|&tag| tags[tag].clone()).collect();
    dropped
}
