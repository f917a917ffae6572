//! A corpus with its features, parted by split.

use super::args::CorpusArgs;
use super::show;
use anyhow::{Context, Result};
use runtime::mel::MelConfig;
use trainer::corpus::{self, Corpus, CorpusOptions, CorpusSpec, Split};
use trainer::features::{CacheDir, FeatureSet, Prepared, prepare};
use trainer::train::{LabelledClip, Windows};

/// The threshold of soft labels, checked before anything takes time.
pub fn positive_threshold(args: &CorpusArgs) -> Result<f32> {
    let threshold = args.positive_threshold.unwrap_or(0.5);
    if threshold > 0.0 && threshold <= 1.0 {
        return Ok(threshold);
    }
    anyhow::bail!("--positive-threshold {threshold}: it is above 0 and at most 1")
}

pub struct Data {
    pub corpus: Corpus,
    pub features: FeatureSet,
}

impl Data {
    pub fn load(
        spec: &CorpusSpec,
        options: &CorpusOptions,
        mel: &MelConfig,
        args: &CorpusArgs,
    ) -> Result<Self> {
        show::stage(&format!("Corpus {spec}"));
        let loaded = corpus::load(spec, options)?;
        show::problems(&loaded.problems);
        if !loaded.dropped_tags.is_empty() {
            let names: Vec<String> =
                loaded.dropped_tags.iter().map(|(tag, n)| format!("{tag} ({n})")).collect();
            show::line(&format!("tags with too few positive clips, left out: {}", names.join(", ")));
        }
        if loaded.corpus.taught() {
            show::line(
                "the labels are a teacher's: every tag that has any is kept, however seldom it reaches a yes",
            );
        }
        if loaded.corpus.tags.is_empty() && !options.keep_unlabelled {
            anyhow::bail!("{spec}: no tag has {} positive clips", options.min_positives.max(1));
        }
        if loaded.unlabelled > 0 {
            show::line(&format!("{} clips have no label of any tag and are left out", loaded.unlabelled));
        }
        let jobs = trainer::jobs::threads_or_cores(args.jobs);
        let bar = show::bar("log-mels");
        let prepared = prepare(loaded.corpus, mel, &CacheDir::new(&args.cache), jobs, &bar)
            .with_context(|| format!("features of {spec}"));
        bar.finish_and_clear();
        let Prepared { corpus, features, problems, extracted } = prepared?;
        show::problems(&problems);
        let hours: f64 = (0..features.len()).map(|i| features.frames(i) as f64).sum::<f64>()
            * mel.hop_length as f64
            / f64::from(mel.sample_rate)
            / 3600.0;
        let count = |split| corpus.clips.iter().filter(|c| c.split == Some(split)).count();
        show::line(&format!(
            "{} clips, {hours:.1} h, {} tags; {} train, {} validation, {} test ({} computed now, the rest from {})",
            corpus.clips.len(),
            corpus.tags.len(),
            count(Split::Train),
            count(Split::Validation),
            count(Split::Test),
            extracted,
            args.cache.display()
        ));
        let windows: usize = corpus.clips.iter().map(|clip| clip.windows.len()).sum();
        if windows > 0 {
            show::line(&format!("{windows} windows have labels of their own"));
        }
        show::line(&format!("split: {}", corpus.split_rule));
        Ok(Self { corpus, features })
    }

    /// The clips of a split, all without one.
    pub fn clips(&self, split: Option<Split>) -> Vec<LabelledClip<'_>> {
        self.numbers(split).into_iter().map(|number| self.clip(number)).collect()
    }

    /// Numbers in the corpus of the clips of a split, all without one.
    pub fn numbers(&self, split: Option<Split>) -> Vec<usize> {
        let clips = self.corpus.clips.iter().enumerate();
        clips.filter(|(_, clip)| split.is_none() || clip.split == split).map(|(number, _)| number).collect()
    }

    /// The groups (artists) of the clips of a split, in their order.
    pub fn groups(&self, split: Option<Split>) -> impl Iterator<Item = Option<&str>> {
        self.numbers(split).into_iter().map(|number| self.corpus.clips[number].group.as_deref())
    }

    /// One clip of the corpus.
    pub fn clip(&self, number: usize) -> LabelledClip<'_> {
        let (mel, clip) = (self.features.config(), &self.corpus.clips[number]);
        let frame_rate = f64::from(mel.sample_rate) / mel.hop_length as f64;
        LabelledClip {
            codes: self.features.codes(number),
            labels: &clip.labels,
            windows: Windows::new(&clip.windows, frame_rate),
        }
    }
}
