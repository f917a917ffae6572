//! The songs of a corpus, as a model hears them.

use super::args::CorpusArgs;
use super::data::Data;
use super::show;
use anyhow::{Context, Result, bail};
use clap::Args;
use runtime::tagger::Tagger;
use std::path::PathBuf;
use trainer::corpus::{CorpusOptions, CorpusSpec, Split, group_name};
use trainer::deliver::{HeardClip, songs_by_runtime};
use trainer::similar::{Space, point};

/// Whose songs, and who hears them.
#[derive(Args)]
pub struct SongArgs {
    /// Model folder or ONNX file
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Songs, with or without labels; more than once for all of them together
    #[arg(long, value_name = "CORPUS", required = true)]
    pub corpus: Vec<CorpusSpec>,
    /// Where songs of a map begin
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[command(flatten)]
    pub data: CorpusArgs,
}

/// A song.
pub struct Song {
    /// Its name in the corpus.
    pub id: String,
    /// Its audio; nothing for synthetic ones.
    pub path: Option<PathBuf>,
    /// Its artist, or what else the corpus groups by.
    pub group: Option<String>,
    /// Its album, where the corpus says it.
    pub album: Option<String>,
    /// People's labels, in the order of [`Songs::label_names`].
    pub labels: Vec<f32>,
    /// Mean probabilities, in the order of [`Songs::tag_names`].
    pub tags: Vec<f32>,
    /// Empty where the network has none.
    pub embedding: Vec<f32>,
    /// Its part of the corpus.
    pub split: Option<Split>,
}

pub struct Songs {
    pub tag_names: Vec<String>,
    pub label_names: Vec<String>,
    pub songs: Vec<Song>,
    pub thresholds: Vec<f32>,
    /// Whether the corpus's tags are genres, all of them.
    pub genres_alone: bool,
}

impl Songs {
    /// Computes spectrograms, and lets the model hear them.
    pub fn hear(args: &SongArgs) -> Result<(Self, Tagger)> {
        let tagger = Tagger::load(&args.model)?;
        let corpus = CorpusSpec::all_of(args.corpus.clone()).context("--corpus is missing")?;
        let options =
            CorpusOptions { seed: args.seed, min_positives: 0, keep_unlabelled: true, ..Default::default() };
        let data = Data::load(&corpus, &options, tagger.mel_config(), &args.data)?;
        let clips = data.clips(None);
        show::stage(&format!("Hearing {} songs", clips.len()));
        let heard = songs_by_runtime(&tagger, &clips)?;
        let songs = data.corpus.clips.iter().zip(heard).map(|(clip, HeardClip { tags, embedding })| Song {
            id: clip.id.clone(),
            path: clip.source.file().map(Into::into),
            group: clip.group.as_deref().map(|group| group_name(group).into()),
            album: clip.album.clone(),
            labels: clip.labels.clone(),
            tags,
            embedding,
            split: clip.split,
        });
        let songs = songs.collect();
        let card = tagger.card();
        let thresholds = card.thresholds.clone().unwrap_or_else(|| vec![0.5; tagger.tags().len()]);
        let songs = Self {
            tag_names: tagger.tags().to_vec(),
            label_names: data.corpus.tags.clone(),
            songs,
            thresholds,
            genres_alone: corpus.parts().iter().all(genres_alone),
        };
        Ok((songs, tagger))
    }

    /// The songs' points; an error where the network has no embedding.
    pub fn points(&self, space: Space) -> Result<Vec<Vec<f32>>> {
        if space == Space::Embedding && !self.has_embedding() {
            bail!("the model has no embedding: compare by tags");
        }
        Ok(self.songs.iter().map(|song| point(space, self.values(song, space))).collect())
    }

    pub fn values<'s>(&self, song: &'s Song, space: Space) -> &'s [f32] {
        match space {
            Space::Tags => &song.tags,
            Space::Embedding => &song.embedding,
        }
    }

    pub fn has_embedding(&self) -> bool {
        self.songs.first().is_some_and(|song| !song.embedding.is_empty())
    }

    /// Keeps the songs of a subset: `split=test`, `artist=NAME`, or a tag as `jazz` or `genre=jazz`. A tag is people's where the
    /// corpus has it, else what the model hears beyond its threshold.
    pub fn keep(&mut self, subset: &str) -> Result<()> {
        let (key, value) = subset.split_once('=').unwrap_or(("tag", subset));
        let before = self.songs.len();
        match key {
            "split" => {
                let split = match value {
                    "train" => Split::Train,
                    "validation" => Split::Validation,
                    "test" => Split::Test,
                    _ => bail!("--subset {subset}: a split is train, validation or test"),
                };
                self.songs.retain(|song| song.split == Some(split));
            }
            "artist" => self
                .songs
                .retain(|song| song.group.as_ref().is_some_and(|group| group.eq_ignore_ascii_case(value))),
            "tag" | "genre" | "mood" | "era" | "instrument" => {
                let place = |names: &[String]| names.iter().position(|name| name.eq_ignore_ascii_case(value));
                if let Some(place) = place(&self.label_names) {
                    self.songs.retain(|song| song.labels[place] >= 0.5);
                } else if let Some(place) = place(&self.tag_names) {
                    let threshold = self.thresholds[place];
                    self.songs.retain(|song| song.tags[place] >= threshold);
                } else {
                    bail!("--subset {subset}: neither the corpus nor the model has a tag {value:?}");
                }
            }
            _ => bail!("--subset {subset}: write genre=TAG, artist=NAME or split=PART"),
        }
        show::line(&format!("{} of {before} songs are in {subset}", self.songs.len()));
        Ok(())
    }
}

/// Corpora whose tags are genres and nothing else.
fn genres_alone(corpus: &CorpusSpec) -> bool {
    matches!(corpus, CorpusSpec::Published(published) if published.genres_alone())
}
