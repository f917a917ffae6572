//! How good recommendations are: precision at k, the share of the k nearest songs that are relevant.

use rayon::prelude::*;
use serde::Serialize;

use super::knn::nearest;

/// Precision at k over queries, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Precision {
    /// Mean over the queries.
    pub mean: f64,
    /// 95 % interval of the mean, by the normal approximation over queries.
    pub ci95: [f64; 2],
    /// Songs that have something relevant to find.
    pub queries: usize,
}

/// Who may be recommended, and what is relevant, of pairs of songs.
pub struct Question<'q> {
    /// Whether song `b` may be recommended for `a`; never `a` itself.
    pub allowed: &'q (dyn Fn(usize, usize) -> bool + Sync),
    /// Whether `b` is relevant for `a`.
    pub relevant: &'q (dyn Fn(usize, usize) -> bool + Sync),
}

impl Question<'_> {
    fn candidates(&self, songs: usize, query: usize) -> impl Iterator<Item = usize> {
        (0..songs).filter(move |&other| other != query && (self.allowed)(query, other))
    }

    /// Songs with at least one relevant song to find; only they are asked about.
    pub fn queries(&self, songs: usize) -> Vec<usize> {
        let has = |&query: &usize| self.candidates(songs, query).any(|other| (self.relevant)(query, other));
        (0..songs).into_par_iter().filter(has).collect()
    }

    /// Of the `k` nearest points.
    pub fn by_distance(&self, points: &[Vec<f32>], queries: &[usize], k: usize) -> Precision {
        summed(queries, |query| {
            let found =
                nearest(points, &points[query], k, |other| other != query && (self.allowed)(query, other));
            let hits = found.iter().filter(|near| (self.relevant)(query, near.index)).count();
            hits as f64 / found.len().max(1) as f64
        })
    }

    /// Of songs drawn by chance: what is expected of it.
    pub fn by_chance(&self, songs: usize, queries: &[usize]) -> Precision {
        summed(queries, |query| {
            let (hits, all) = self.candidates(songs, query).fold((0usize, 0usize), |(hits, all), other| {
                (hits + usize::from((self.relevant)(query, other)), all + 1)
            });
            hits as f64 / all.max(1) as f64
        })
    }

    /// Of the same songs for everybody: the first `k` of `order` that may be recommended.
    pub fn by_order(&self, order: &[usize], queries: &[usize], k: usize) -> Precision {
        summed(queries, |query| {
            let allowed = order.iter().filter(|&&other| other != query && (self.allowed)(query, other));
            let (hits, all) = allowed.take(k).fold((0usize, 0usize), |(hits, all), &other| {
                (hits + usize::from((self.relevant)(query, other)), all + 1)
            });
            hits as f64 / all.max(1) as f64
        })
    }
}

fn summed(queries: &[usize], precision: impl Fn(usize) -> f64 + Sync) -> Precision {
    let each: Vec<f64> = queries.par_iter().map(|&query| precision(query)).collect();
    let count = each.len() as f64;
    let mean = each.iter().sum::<f64>() / count.max(1.0);
    let variance = each.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let half = crate::eval::Z95 * (variance / count.max(1.0)).sqrt();
    Precision { mean, ci95: [(mean - half).max(0.0), (mean + half).min(1.0)], queries: each.len() }
}
