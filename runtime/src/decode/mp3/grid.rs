//! Which sub-bands and which samples are computed.

/// Samples at the file's rate that are left out of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trim {
    /// At its start.
    pub start: usize,
    /// At its end.
    pub end: usize,
}

impl Trim {
    /// The samples of a packet that are kept: the end goes first, as in symphonia.
    pub(super) fn kept(self, frames: usize) -> std::ops::Range<usize> {
        let end = frames.saturating_sub(self.end);
        self.start.min(end)..end
    }
}

/// What part of the spectrum is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Band {
    /// How many of the 32 sub-bands.
    pub sub_bands: usize,
    /// The number that the rate is divided by.
    pub step: usize,
}

impl Band {
    /// How far above the highest frequency half the rate must lie, for what reads the samples has to filter, too.
    const MARGIN: f32 = 1.15;

    /// What is needed for all to be right up to `highest` hertz.
    pub fn new(rate: u32, highest: f32) -> Self {
        let rate_hertz = rate as f32;
        let width = rate_hertz / 64.0;
        let highest = if highest.is_nan() { f32::INFINITY } else { highest.max(0.0) };
        // The filter of a sub-band reaches half a width into its neighbours and is 96 dB down from there on.
        let sub_bands = ((highest / width + 0.75).ceil() as usize).clamp(2, 32);
        let fits = |step: &usize| {
            let low_rate = rate_hertz / *step as f32;
            // What lies above half the low rate is mirrored there.
            let mirrored = low_rate - (sub_bands + 1) as f32 * width;
            rate.is_multiple_of(*step as u32)
                && low_rate >= 2.0 * Self::MARGIN * highest
                && mirrored > highest
        };
        let step = [4, 3, 2].into_iter().find(fits).unwrap_or(1);
        Self { sub_bands, step }
    }
}

/// Where the next sample is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Grid {
    /// How many samples at the file's rate, of those kept, come before it.
    before: usize,
}

impl Grid {
    /// Where the first sample of a packet is that the filter bank computes, below the step; and which of those that it
    /// computes are kept.
    pub fn place(&self, step: usize, frames: usize, trim: Trim) -> (usize, std::ops::Range<usize>) {
        let kept = trim.kept(frames);
        let first = kept.start + self.before;
        let phase = first % step;
        let computed = |before: usize| before.saturating_sub(phase).div_ceil(step);
        (phase, computed(first.min(kept.end))..computed(kept.end))
    }

    /// Goes to the next packet.
    pub fn advance(&mut self, step: usize, frames: usize, trim: Trim) {
        let kept = trim.kept(frames).len();
        self.before = (self.before + step - kept % step) % step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_leave_the_band_free_of_mirrors() {
        let band = |rate, highest| (Band::new(rate, highest).step, Band::new(rate, highest).sub_bands);
        assert_eq!(band(44_100, 6000.0), (3, 10));
        assert_eq!(band(48_000, 6000.0), (3, 9));
        assert_eq!(band(32_000, 6000.0), (2, 13));
        assert_eq!(band(22_050, 6000.0).0, 1);
        assert_eq!(band(44_100, 8000.0).0, 2);
        assert_eq!(band(8000, 1e9), (1, 32));
        assert_eq!(band(8000, f32::NAN), (1, 32));
        assert_eq!(band(48_000, -1.0), (4, 2));
    }

    /// The samples that are kept are every third of all samples that are kept.
    #[test]
    fn the_grid_goes_on_over_trimmed_packets() {
        let trims = [(576, 0), (529, 0), (0, 0), (0, 100), (7, 1), (0, 576), (0, 0), (600, 600), (1, 0)];
        for step in 1..=4 {
            let (mut grid, mut all, mut kept) = (Grid::default(), Vec::new(), Vec::new());
            for (packet, (start, end)) in trims.into_iter().enumerate() {
                let trim = Trim { start, end };
                let (phase, range) = grid.place(step, 576, trim);
                kept.extend(range.map(|at| (packet, phase + at * step)));
                grid.advance(step, 576, trim);
                all.extend(trim.kept(576).map(|at| (packet, at)));
            }
            assert_eq!(kept, all.into_iter().step_by(step).collect::<Vec<_>>());
        }
    }
}
