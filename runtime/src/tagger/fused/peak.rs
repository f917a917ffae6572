//! A peak: convolution of one plane, rectifier, scale and offset, and the largest value of each row.
//!
//! It is how networks such as musicnn begin: filters as high as a chord are pushed along the frequencies, and where
//! they fitted best is forgotten. What comes out is a fiftieth of what the convolution gives, so none of that is kept.

use super::kernel::{Input, LANES, Lanes, tile};
use pulp::{Simd, WithSimd};

/// A peak with its weights in the order of use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Peak {
    out: usize,
    /// Rows and columns of the kernel.
    kernel: [usize; 2],
    rectify: bool,
    groups: Vec<Group>,
}

/// What makes `LANES` output channels.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    /// A row per row and column of the kernel.
    weights: Vec<Lanes>,
    bias: Lanes,
    scale: Lanes,
    offset: Lanes,
}

impl Peak {
    /// Takes `weight` `[out, rows, columns]` and, of `[out]` each, `bias` before and `scale` and `offset` after the
    /// rectifier. `None` when sizes do not fit or one is 0.
    pub fn new(
        [out, rows, columns]: [usize; 3],
        weight: &[f32],
        [bias, scale, offset]: [&[f32]; 3],
        rectify: bool,
    ) -> Option<Self> {
        let each = rows.checked_mul(columns)?;
        let fits = out.checked_mul(each) == Some(weight.len()) && !weight.is_empty();
        if !fits || [bias, scale, offset].iter().any(|values| values.len() != out) {
            return None;
        }
        let group = |first: usize| {
            let lanes = |of: &dyn Fn(usize) -> f32| -> Lanes {
                std::array::from_fn(|lane| if first + lane < out { of(first + lane) } else { 0.0 })
            };
            Group {
                weights: (0..each).map(|k| lanes(&|o| weight[o * each + k])).collect(),
                bias: lanes(&|o| bias[o]),
                scale: lanes(&|o| scale[o]),
                offset: lanes(&|o| offset[o]),
            }
        };
        let groups = (0..out).step_by(LANES).map(group).collect();
        Some(Self { out, kernel: [rows, columns], rectify, groups })
    }

    pub fn out(&self) -> usize {
        self.out
    }

    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// Rows that come out of so many; `None` where the kernel does not fit in.
    pub fn out_rows(&self, rows: usize, columns: usize) -> Option<usize> {
        let fits = rows >= self.kernel[0] && columns >= self.kernel[1];
        fits.then(|| rows - self.kernel[0] + 1)
    }

    /// Runs one plane `[rows, columns]`; `y` is `[out, out_rows]`.
    ///
    /// # Panics
    /// When a slice has another length: a mistake of the caller, not of the data.
    pub fn run(&self, x: &[f32], columns: usize, y: &mut [f32]) {
        let rows = x.len() / columns.max(1);
        let out_rows = self.out_rows(rows, columns).unwrap_or(0);
        assert_eq!(x.len(), rows * columns, "the input's length");
        assert!(out_rows > 0 && y.len() == out_rows * self.out, "the output's length");
        pulp::Arch::new().dispatch(Run { peak: self, x, columns, out_rows, y });
    }
}

/// The arguments of [`Peak::run`], for the best vector instructions that this processor has.
struct Run<'r> {
    peak: &'r Peak,
    x: &'r [f32],
    columns: usize,
    out_rows: usize,
    y: &'r mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    // As in a block over time.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => run_plane::<S, 8, 1>(simd, self),
            8 => run_plane::<S, 6, 2>(simd, self),
            4 => run_plane::<S, 6, 4>(simd, self),
            _ => run_plane::<S, 1, LANES>(simd, self),
        }
    }
}

#[inline(always)]
fn run_plane<S: Simd, const PLACES: usize, const VECTORS: usize>(simd: S, run: Run<'_>) {
    let Run { peak, x, columns, out_rows, y } = run;
    let [kernel_rows, kernel_columns] = peak.kernel;
    let places = columns - kernel_columns + 1;
    // One group after the other: its weights stay in the nearest cache.
    for (group, y) in peak.groups.iter().zip(y.chunks_mut(LANES * out_rows)) {
        for row in 0..out_rows {
            let x = Input::ChannelsFirst { x: &x[row * columns..][..kernel_rows * columns], frames: columns };
            let mut largest = [f32::NEG_INFINITY; LANES];
            let mut place = 0;
            while place < places {
                // The last tile begins earlier where the places are no multiple of it: the largest stays the largest.
                if places >= PLACES {
                    let mut sums = [[0.0; LANES]; PLACES];
                    let start = place.min(places - PLACES);
                    tile::<S, PLACES, VECTORS>(
                        simd,
                        x,
                        start,
                        kernel_columns,
                        &group.weights,
                        &group.bias,
                        &mut sums,
                    );
                    raise(peak.rectify, group, &sums, &mut largest);
                    place = start + PLACES;
                } else {
                    let mut sums = [[0.0; LANES]; 1];
                    tile::<S, 1, VECTORS>(
                        simd,
                        x,
                        place,
                        kernel_columns,
                        &group.weights,
                        &group.bias,
                        &mut sums,
                    );
                    raise(peak.rectify, group, &sums, &mut largest);
                    place += 1;
                }
            }
            for (y, value) in y.chunks_exact_mut(out_rows).zip(largest) {
                y[row] = value;
            }
        }
    }
}

/// Rectifies, scales and shifts sums, and takes them where they are larger.
#[inline(always)]
fn raise(rectify: bool, group: &Group, sums: &[Lanes], largest: &mut Lanes) {
    for sums in sums {
        for lane in 0..LANES {
            let sum = sums[lane];
            // Written so that NaN of a damaged file stays NaN, to be found at the end.
            let sum = if rectify && sum < 0.0 { 0.0 } else { sum };
            let value = sum * group.scale[lane] + group.offset[lane];
            largest[lane] = if value <= largest[lane] { largest[lane] } else { value };
        }
    }
}
