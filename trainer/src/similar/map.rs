//! Songs on a plane, by t-SNE (van der Maaten & Hinton, 2008), as bhtsne calculates it: with the forces of a tree of places
//! (van der Maaten, "Accelerating t-SNE using tree-based algorithms", 2014) for few songs, and with interpolated forces
//! (Linderman et al., "Fast interpolation-based t-SNE", 2019), whose work hardly grows, for many.

use bhtsne::{Neighbor, tSNE};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

use super::knn::{Near, neighbours};

/// Choices about a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapOptions {
    /// How many neighbours a song has, roughly; fewer where there are few songs.
    pub perplexity: f32,
    /// Steps.
    pub epochs: usize,
    /// Where songs begin.
    pub seed: u64,
}

impl Default for MapOptions {
    /// As in scikit-learn.
    fn default() -> Self {
        Self { perplexity: 30.0, epochs: 1000, seed: 1 }
    }
}

/// From here on interpolation takes less time than the tree, on one thread.
const MANY: usize = 6000;
/// How wide a cell of the tree may look and still count as one place: Barnes and Hut's angle.
const THETA: f32 = 0.5;

/// The fewest songs that can be mapped.
pub const FEWEST: usize = 5;

/// Places of the points, `[points, 2]`, the same for the same points and options whatever the threads; nothing for fewer
/// than [`FEWEST`] points.
pub fn map(points: &[Vec<f32>], options: MapOptions) -> Vec<[f32; 2]> {
    if points.len() < FEWEST {
        return Vec::new();
    }
    // Three times as many neighbours are looked at, and there must be as many.
    let perplexity = options.perplexity.clamp(1.0, (points.len() - 1) as f32 / 3.0);
    let count = (3.0 * perplexity) as usize;
    let near: Vec<Vec<Neighbor<f32>>> = neighbours(points, count)
        .into_iter()
        .map(|near| near.into_iter().map(|Near { index, distance }| Neighbor { index, distance }).collect())
        .collect();
    let mut dice = ChaCha8Rng::seed_from_u64(options.seed);
    let normal = Normal::new(0.0f32, 1e-4).expect("a positive deviation");
    let start: Vec<f32> = (0..2 * points.len()).map(|_| normal.sample(&mut dice)).collect();
    let fit = || {
        let mut layout = tSNE::<f32, Vec<f32>, 2>::new(points);
        layout.perplexity(perplexity).epochs(options.epochs).initial_embedding(start);
        if points.len() < MANY {
            layout.barnes_hut_with_neighbors(THETA, &near);
        } else {
            layout.fit_sne_with_neighbors(&near);
        }
        layout.embedding()
    };
    // Its sums are in the order in which threads come; with one there is one order.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let places = match alone {
        Ok(alone) => alone.install(fit),
        // No thread to be had: then this one.
        Err(_) => fit(),
    };
    places.as_chunks::<2>().0.to_vec()
}
