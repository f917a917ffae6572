//! Nearest neighbours, exactly.

use rayon::prelude::*;

/// A neighbour and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Place in the list.
    pub index: usize,
    /// Euclidean.
    pub distance: f32,
}

/// Euclidean distance of two points.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    squared(a, b).sqrt()
}

/// In eight sums, so that the compiler takes several values at a time.
pub(super) fn squared(a: &[f32], b: &[f32]) -> f32 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (a, b) in a8.iter().zip(b8) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// The `count` points nearest to `query` of those that `allowed` lets pass, nearest first; of equally near ones the earlier.
pub fn nearest(
    points: &[Vec<f32>],
    query: &[f32],
    count: usize,
    allowed: impl Fn(usize) -> bool,
) -> Vec<Near> {
    let all = points.iter().enumerate().filter(|(index, _)| allowed(*index));
    let mut all: Vec<Near> =
        all.map(|(index, point)| Near { index, distance: squared(point, query) }).collect();
    let order = |a: &Near, b: &Near| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index));
    if count < all.len() {
        all.select_nth_unstable_by(count, order);
        all.truncate(count);
    }
    all.sort_unstable_by(order);
    all.iter_mut().for_each(|near| near.distance = near.distance.sqrt());
    all
}

/// For each point its `count` nearest others.
pub fn neighbours(points: &[Vec<f32>], count: usize) -> Vec<Vec<Near>> {
    let of = |(i, point): (usize, &Vec<f32>)| nearest(points, point, count, |j| j != i);
    points.par_iter().enumerate().map(of).collect()
}
