//! What a network looks like, as data, and what follows from it by arithmetic.

use super::layer::{Layer, TimeLayer};
use super::{Budget, Model, crnn, k1c2, k2c1, k2c2};
use serde::{Deserialize, Serialize};

pub use super::k2c1::PAPER_POOLS;

/// Frames of the paper's input: 29.12 s at 12 kHz and a hop of 256 samples, and the window of the networks that do
/// not slide.
pub const PAPER_FRAMES: usize = 1366;

/// The shape of a network: its layers in order. The last one gives the logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Which network.
    pub network: Model,
    /// The paper's size it belongs to.
    pub budget: Budget,
    /// Bands of the log-mels that come in.
    pub mel_bands: usize,
    /// Frames of one window for networks that pad and so cannot slide; none for k2c1, whose layers say what it hears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_frames: Option<usize>,
    /// Frames of zeros (of standardised log-mels, so the mean) put before and after a window.
    #[serde(default)]
    pub pad_frames: [usize; 2],
    /// The layers.
    pub layers: Vec<Layer>,
}

impl Architecture {
    /// The network of that name and size. `pools` are k2c1's pools over time; the others have the paper's.
    ///
    /// # Errors
    /// When the pools are not possible, there are no tags, or the network cannot hear so few bands.
    pub fn new(
        network: Model,
        budget: Budget,
        mel_bands: usize,
        pools: &[usize],
        tags: usize,
    ) -> Result<Self, String> {
        if tags == 0 || mel_bands == 0 {
            return Err(format!("a network of {mel_bands} bands and {tags} tags"));
        }
        if network != Model::K2c1 && pools != PAPER_POOLS {
            return Err(format!("pools can be chosen for k2c1 only: {network} has the paper's"));
        }
        let mut architecture = match network {
            Model::K1c2 => k1c2::architecture(budget, mel_bands),
            Model::K2c1 => k2c1::architecture(budget, mel_bands, pools)?,
            Model::K2c2 => k2c2::architecture(budget, mel_bands),
            Model::Crnn => crnn::architecture(budget, mel_bands, false),
            Model::CrnnAttention => crnn::architecture(budget, mel_bands, true),
        };
        let inputs = architecture.layers.last().map_or(mel_bands, Layer::outputs);
        architecture.layers.push(Layer::Time(TimeLayer { inputs, outputs: tags, kernel: 1, pool: 1 }));
        architecture.check()?;
        Ok(architecture)
    }

    /// [`Architecture::new`] for k2c1.
    ///
    /// # Errors
    /// As [`Architecture::new`].
    pub fn k2c1(budget: Budget, mel_bands: usize, pools: &[usize], tags: usize) -> Result<Self, String> {
        Self::new(Model::K2c1, budget, mel_bands, pools, tags)
    }

    /// Checks that every layer takes what the one before it gives, and that a window gives one answer.
    ///
    /// # Errors
    /// The layer that does not fit.
    pub fn check(&self) -> Result<(), String> {
        let mut shape = self.input_shape(self.receptive_field());
        for (i, layer) in self.layers.iter().enumerate() {
            let flow = layer.flow(shape);
            let ([channels, bands, frames], number) = (shape, i + 1);
            (shape, _) = flow.ok_or_else(|| {
                format!("layer {number} of {} cannot take {channels} channels of {bands} bands and {frames} frames", self.network)
            })?;
        }
        match (shape, self.layers.last()) {
            ([_, 1, 1], Some(Layer::Time(_))) => Ok(()),
            _ => Err(format!("{} gives {shape:?} for one window, and not its tags once", self.network)),
        }
    }

    fn input_shape(&self, frames: usize) -> [usize; 3] {
        let frames = frames + self.pad_frames[0] + self.pad_frames[1];
        // Layers over time take bands as channels; layers over the plane take one channel of bands.
        match self.layers.first() {
            Some(Layer::Plane(_)) => [1, self.mel_bands, frames],
            _ => [self.mel_bands, 1, frames],
        }
    }

    /// What goes into each layer for one window, and what comes out of the last: `[channels, bands, frames]`.
    pub fn shapes(&self) -> Vec<[usize; 3]> {
        let mut shapes = vec![self.input_shape(self.receptive_field())];
        for layer in &self.layers {
            let Some((shape, _)) = shapes.last().and_then(|&shape| layer.flow(shape)) else { break };
            shapes.push(shape);
        }
        shapes
    }

    /// Number of tags.
    pub fn tags(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs)
    }

    /// Weights of all layers, without biases and normalisation: the count that the paper's budgets are read by.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(Layer::weights).sum()
    }

    /// All numbers that training adjusts: weights, two per channel of batch norm, biases.
    pub fn parameters(&self) -> usize {
        let last = self.layers.len().saturating_sub(1);
        let layers = self.layers.iter().enumerate();
        self.weights() + layers.map(|(i, l)| l.other_parameters(i == last)).sum::<usize>()
    }

    /// Whether a longer input gives more windows in one pass.
    pub fn slides(&self) -> bool {
        self.window_frames.is_none()
    }

    /// Frames that one answer hears.
    pub fn receptive_field(&self) -> usize {
        self.window_frames.unwrap_or_else(|| self.field_and_stride().0)
    }

    /// Frames from one answer to the next: what the layers give where the network slides, else half a window.
    pub fn stride(&self) -> usize {
        self.window_frames.map_or_else(|| self.field_and_stride().1, |frames| frames.div_ceil(2))
    }

    /// Fewest values of a clip of `frames` frames that any layer's batch norm takes its moments of.
    pub fn normalised_values(&self, frames: usize) -> usize {
        let (windows, frames) = self.window_frames.map_or((1, frames), |field| (self.windows(frames), field));
        let (mut shape, mut fewest) = (self.input_shape(frames), usize::MAX);
        for layer in self.layers.iter().take(self.layers.len().saturating_sub(1)) {
            fewest = fewest.min(match layer {
                Layer::Time(l) => (shape[2] + 1).saturating_sub(l.kernel),
                Layer::Plane(_) => shape[1] * shape[2],
                Layer::Recurrent(_) | Layer::LastState { .. } | Layer::Attention { .. } => usize::MAX,
            });
            let Some((out, _)) = layer.flow(shape) else { break };
            shape = out;
        }
        fewest.saturating_mul(windows)
    }

    fn field_and_stride(&self) -> (usize, usize) {
        self.layers.iter().filter_map(Layer::time).fold((1, 1), |(field, stride), layer| {
            (field + (layer.kernel - 1 + (layer.pool - 1)) * stride, stride * layer.pool)
        })
    }

    /// Answers that `frames` frames give.
    pub fn windows(&self, frames: usize) -> usize {
        let (field, stride) = (self.receptive_field(), self.stride());
        if frames < field { 0 } else { 1 + (frames - field) / stride }
    }

    /// Multiply-accumulates for a clip of `frames` frames.
    pub fn multiply_accumulates(&self, frames: usize) -> u64 {
        let once = |frames| {
            let mut shape = self.input_shape(frames);
            let mut sum = 0;
            for layer in &self.layers {
                let Some((out, macs)) = layer.flow(shape) else { break };
                shape = out;
                sum += macs;
            }
            sum
        };
        match self.window_frames {
            None => once(frames),
            Some(window) => self.windows(frames) as u64 * once(window),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(model: Model, budget: Budget) -> Architecture {
        Architecture::new(model, budget, 96, &PAPER_POOLS, 50).unwrap()
    }

    #[test]
    fn weights_are_the_papers_within_one_percent() {
        // Weights at the five budgets, by arithmetic on the paper's widths, with 50 tags.
        let counts = [
            (Model::K1c2, [101.5e3, 247e3, 487e3, 1.006e6, 2.96e6]),
            (Model::K2c1, [96.1e3, 244e3, 501e3, 998e3, 2.98e6]),
            (Model::K2c2, [96.0e3, 245e3, 496e3, 1.001e6, 3.04e6]),
            (Model::Crnn, [96.3e3, 245e3, 495e3, 998e3, 3.02e6]),
        ];
        for (model, counts) in counts {
            for (budget, paper_weights) in Budget::ALL.into_iter().zip(counts) {
                let weights = paper(model, budget).weights() as f64;
                assert!(
                    (weights / paper_weights - 1.0).abs() < 0.01,
                    "{model} {budget}: {weights} for {paper_weights}"
                );
            }
        }
    }

    #[test]
    fn attention_adds_at_most_a_hundredth() {
        for budget in Budget::ALL {
            let (plain, with) = (paper(Model::Crnn, budget), paper(Model::CrnnAttention, budget));
            let width = budget.of([30, 48, 68, 96, 169]);
            assert_eq!(with.weights() - plain.weights(), width * width + width);
            assert_eq!(with.parameters() - plain.parameters(), width * width + 2 * width);
            let more = with.weights() as f64 / plain.weights() as f64 - 1.0;
            assert!(more < 0.011, "{budget}: {more}");
        }
    }

    #[test]
    fn receptive_field_and_stride_follow_from_the_pools() {
        let sliding = paper(Model::K2c1, Budget::M0_1);
        assert_eq!((sliding.receptive_field(), sliding.stride()), (1279, 256));
        assert_eq!((sliding.windows(1278), sliding.windows(1279), sliding.windows(1535)), (0, 1, 2));
        let short = Architecture::k2c1(Budget::M0_1, 96, &[4, 4, 2, 1], 50).unwrap();
        assert_eq!((short.receptive_field(), short.stride()), (287, 32));
        for model in [Model::K1c2, Model::K2c2, Model::Crnn, Model::CrnnAttention] {
            let a = paper(model, Budget::M0_1);
            assert_eq!((a.slides(), a.receptive_field(), a.stride()), (false, 1366, 683));
            assert_eq!((a.windows(1365), a.windows(1366), a.windows(2049)), (0, 1, 2));
        }
    }

    #[test]
    fn some_networks_leave_one_value_of_a_clip_to_normalise() {
        let of = |model, frames| paper(model, Budget::M0_1).normalised_values(frames);
        assert_eq!((of(Model::K2c1, 1279), of(Model::K2c1, 1535), of(Model::K1c2, 1366)), (1, 2, 1));
        assert_eq!((of(Model::K1c2, 2049), of(Model::K2c2, 1366), of(Model::Crnn, 1366)), (2, 4 * 4, 4 * 60));
    }

    #[test]
    fn windows_are_what_the_layers_leave() {
        for pools in [&[4, 4, 4, 4][..], &[4, 4, 2, 1], &[2, 3, 1, 5], &[]] {
            let a = Architecture::k2c1(Budget::M0_1, 96, pools, 3).unwrap();
            for frames in 0..3000 {
                let left = a
                    .layers
                    .iter()
                    .filter_map(Layer::time)
                    .fold(frames, |n, l| (n + 1usize).saturating_sub(l.kernel) / l.pool);
                assert_eq!(a.windows(frames), left, "{pools:?} {frames}");
            }
        }
    }

    #[test]
    fn planes_shrink_as_the_paper_says() {
        for (model, last_plane) in
            [(Model::K2c2, [83, 1, 1]), (Model::Crnn, [60, 1, 15]), (Model::K1c2, [30, 96, 1])]
        {
            let a = paper(model, Budget::M0_1);
            let planes = a.layers.iter().take_while(|l| matches!(l, Layer::Plane(_)));
            let shape = planes.fold(a.input_shape(PAPER_FRAMES), |shape, l| l.flow(shape).unwrap().0);
            assert_eq!(shape, last_plane, "{model}");
        }
    }

    #[test]
    fn multiply_accumulates_are_counted_per_place() {
        // k1c2's first layer: 15 kernels of 8 taps at each of 96 x 1366 places, and so on.
        let a = paper(Model::K1c2, Budget::M0_1);
        let want = 96 * (120 * 1366 + 1800 * 341 + 3600 * 68 + 7200 * 8) + 2880 * 30 + 30 * 30 + 30 * 50;
        assert_eq!(a.multiply_accumulates(1366), want);
        assert_eq!(a.multiply_accumulates(1366 + 683), 2 * want);
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let mut a = paper(Model::K2c2, Budget::M0_1);
        a.layers.remove(1);
        assert!(a.check().unwrap_err().contains("layer 2"));
        assert!(Architecture::new(Model::Crnn, Budget::M1, 40, &PAPER_POOLS, 50).is_err());
        assert!(Architecture::new(Model::Crnn, Budget::M1, 96, &[4], 50).unwrap_err().contains("k2c1 only"));
    }

    #[test]
    fn json_keeps_everything() {
        for model in Model::ALL {
            let a = paper(model, Budget::M3);
            let json = serde_json::to_string(&a).unwrap();
            assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), a);
        }
    }
}
