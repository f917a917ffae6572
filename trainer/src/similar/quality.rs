//! How much of who is near whom a map keeps.

use rayon::prelude::*;
use serde::Serialize;

use super::knn::{neighbours, squared};

/// A map against the space that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Neighbours that were looked at.
    pub neighbours: usize,
    /// Trustworthiness (Venna & Kaski, 2001): 1 where all neighbours on the map are neighbours in the space, 0.5 or so for a
    /// map by chance.
    pub trustworthiness: f64,
    /// Share of a song's nearest in the space that are among its nearest on the map.
    pub preserved: f64,
}

/// Compares places on a map with the points that they stand for. `count` is cut down to less than half of the points.
pub fn quality(points: &[Vec<f32>], places: &[[f32; 2]], count: usize) -> Quality {
    let n = points.len();
    let k = count.min(n.saturating_sub(1) / 2).max(1);
    let places: Vec<Vec<f32>> = places.iter().map(|place| place.to_vec()).collect();
    let (on_map, in_space) = (neighbours(&places, k), neighbours(points, k));
    let sums = (0..n).into_par_iter().map(|i| {
        let distances: Vec<f32> = points.iter().map(|other| squared(&points[i], other)).collect();
        let mut intruders = 0u64;
        let mut kept = 0u64;
        for near in &on_map[i] {
            if in_space[i].iter().any(|other| other.index == near.index) {
                kept += 1;
                continue;
            }
            // Its rank in the space, counted from 1: the song itself is none.
            let j = near.index;
            let before = |&(other, distance): &(usize, &f32)| {
                other != i && (*distance < distances[j] || (*distance == distances[j] && other < j))
            };
            let rank = 1 + distances.iter().enumerate().filter(before).count();
            intruders += rank.saturating_sub(k) as u64;
        }
        (intruders, kept)
    });
    let (intruders, kept) = sums.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let (n, k64) = (n as f64, k as f64);
    let scale = 2.0 / (n * k64 * (2.0 * n - 3.0 * k64 - 1.0));
    Quality {
        neighbours: k,
        trustworthiness: 1.0 - scale * intruders as f64,
        preserved: kept as f64 / (n * k64),
    }
}
