//! Weights of products as integers with a scale per output.

use super::range;

/// Rows of integers; a row has the weights of one output channel and a scale of its own.
#[derive(Clone, Debug)]
pub struct Int8Rows {
    /// Values in a row.
    pub columns: usize,
    /// Row by row, -127 to 127.
    pub integers: Vec<i8>,
    /// Scale of each row, of four significant bits.
    pub scales: Vec<f32>,
}

impl Int8Rows {
    /// Rounds rows of `columns` weights.
    pub(super) fn of(weight: &[f32], columns: usize) -> Self {
        let top = |w: &[f32]| w.iter().fold(0.0f32, |top, w| top.max(w.abs()));
        let scale = |w: &[f32]| range::round_up_scale((top(w) / 127.0).max(1e-12));
        let scales: Vec<f32> = weight.chunks(columns).map(scale).collect();
        let rows = weight.chunks(columns).zip(&scales);
        let integers =
            rows.flat_map(|(w, s)| w.iter().map(move |w| (w / s).round().clamp(-127.0, 127.0) as i8));
        Self { columns, integers: integers.collect(), scales }
    }

    /// What the integers stand for.
    pub fn real(&self) -> Vec<f32> {
        let rows = self.integers.chunks(self.columns).zip(&self.scales);
        rows.flat_map(|(w, &s)| w.iter().map(move |&w| f32::from(w) * s)).collect()
    }
}
