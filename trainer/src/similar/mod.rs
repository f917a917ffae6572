//! Songs by what a model hears in them: who is near whom, a map of them, and what to recommend.
//!
//! Songs lie in two spaces: that of the tags, where a song's point has the square roots of its tags' probabilities (so that
//! distances are Hellinger's, up to a factor, and seldom tags count), and that of the embedding, where points have length 1
//! (so that distances go with the angle between embeddings).

mod knn;
mod map;
mod precision;
mod quality;

pub use knn::{Near, distance, nearest, neighbours};
pub use map::{FEWEST, MapOptions, map};
pub use precision::{Precision, Question};
pub use quality::{Quality, quality};

use serde::Serialize;

/// In which space songs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// By predicted tags.
    Tags,
    /// By the network's embedding.
    Embedding,
}

/// The point of a song in a space. An embedding of zeros stays where it is.
pub fn point(space: Space, values: &[f32]) -> Vec<f32> {
    match space {
        Space::Tags => values.iter().map(|p| p.max(0.0).sqrt()).collect(),
        Space::Embedding => {
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            values.iter().map(|value| value * scale).collect()
        }
    }
}
