//! Networks as they begin, but normalised by the moments of real activations: enough to be exported and compared.

use candle_core::{Device, Result, Tensor};
use runtime::mel::{FrameCodes, MelConfig, log_mel_codes};
use runtime::pcm::Pcm;
use trainer::corpus::synth::{SynthSpec, corpus};
use trainer::corpus::{ClipSource, Corpus};
use trainer::deliver::{DeliverError, Delivery};
use trainer::net::blocks::MOMENTUM;
use trainer::net::{Architecture, Dice, Net, Network, Standardise};
use trainer::train::batches::crop;
use trainer::train::{LabelledClip, RunState, TrainConfig};

/// The front end.
pub const MEL: MelConfig = MelConfig::MINIM;

/// Synthetic clips and what the front end makes of them.
pub struct Heard {
    /// The clips with their labels.
    pub corpus: Corpus,
    /// Codes of each, frame-major.
    pub codes: Vec<Vec<u8>>,
}

impl Heard {
    /// Renders `spec`.
    ///
    /// # Panics
    /// When the front end fails on the clips, which it was made for.
    pub fn new(spec: &SynthSpec) -> Self {
        let corpus = corpus(spec);
        let clips = corpus.clips.iter().map(|clip| {
            let ClipSource::Synth(synth) = &clip.source else { unreachable!("the corpus is synthetic") };
            let (rate, samples) = synth.render();
            log_mel_codes(&MEL, Pcm::new(rate, &samples)).expect("clips of the synthetic corpus are audio")
        });
        let codes = clips.collect();
        Self { corpus, codes }
    }

    /// The clips as training has them.
    pub fn clips(&self) -> Vec<LabelledClip<'_>> {
        let clips = self.codes.iter().zip(&self.corpus.clips);
        clips.map(|(codes, clip)| LabelledClip::whole(codes, &clip.labels)).collect()
    }
}

/// What a code of the front end stands for.
pub fn decibel(code: u8) -> f32 {
    FrameCodes::of(MEL.compression).decode(code)
}

/// `frames` frames of a clip, repeated where it is shorter, as a tensor [1, mel_bands, frames].
///
/// # Errors
/// When candle fails.
pub fn tensor(codes: &[u8], table: &[[f32; 256]], frames: usize) -> Result<Tensor> {
    let mut x = vec![0.0; MEL.mel_bands * frames];
    crop(codes, table, 0, frames, &mut x);
    Tensor::from_vec(x, (1, MEL.mel_bands, frames), &Device::Cpu)
}

/// A network that has not learnt anything.
pub struct Untrained {
    /// The network.
    pub network: Net,
    /// Its input's standardisation.
    pub standardise: Standardise,
    state: RunState,
}

impl Untrained {
    /// Draws the network's numbers; its running moments are those of the clips.
    ///
    /// # Errors
    /// When candle fails.
    pub fn new(architecture: &Architecture, heard: &Heard) -> Result<Self> {
        let mut network = Net::new(architecture, 7, &Device::Cpu)?;
        let codes = heard.codes.iter().map(Vec::as_slice);
        let standardise = Standardise::measure_on_grid(codes, MEL.mel_bands, decibel, !architecture.slides());
        let table = standardise.table(decibel);
        let frames = architecture.receptive_field();
        let clips = heard.codes.iter().map(|c| tensor(c, &table, frames)).collect::<Result<Vec<_>>>()?;
        // One step moves the running moments by a known part of the way to the batch's.
        let before = network.buffers();
        network.forward_train(&Tensor::cat(&clips, 0)?, Dice { seed: 1, step: 0 })?;
        for ((name, before), (_, after)) in before.into_iter().zip(network.buffers()) {
            let of_batch = ((after - (before * (1.0 - MOMENTUM))?)? / MOMENTUM)?;
            network.set_buffer(&name, &of_batch)?;
        }
        let state = RunState::new(
            config(architecture),
            architecture.clone(),
            heard.corpus.tags.clone(),
            standardise.clone(),
            String::new(),
        );
        Ok(Self { network, standardise, state })
    }

    /// The network ready to be written.
    ///
    /// # Errors
    /// As [`Delivery::new`].
    pub fn delivery(
        &self,
        name: &str,
        clips: &[LabelledClip<'_>],
    ) -> std::result::Result<Delivery, DeliverError> {
        Delivery::new(name, &self.network, &self.state, &MEL, clips)
    }
}

fn config(architecture: &Architecture) -> TrainConfig {
    TrainConfig { crop_frames: architecture.receptive_field(), ..Default::default() }
}
