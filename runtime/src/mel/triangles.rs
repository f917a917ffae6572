//! The triangles under which a spectrum's bins make a band. The build script includes this file, too, for the tables that
//! lie in flash: it knows nothing of the crate.

/// Shape of the frequency axis: [`MelScale`](crate::mel::MelScale), without the crate.
#[derive(Clone, Copy)]
pub(super) enum Scale {
    Slaney,
    Htk,
}

/// What the triangles follow from; valid numbers.
#[derive(Clone, Copy)]
pub(super) struct Triangles {
    pub sample_rate: u32,
    pub n_fft: usize,
    pub mel_bands: usize,
    pub f_min: f32,
    pub f_max: f32,
    pub scale: Scale,
    /// Whether each has area 1; else its peak is 1.
    pub area_1: bool,
}

impl Triangles {
    /// Hands over the bins of a band that have a weight above 0, rising, as `librosa.filters.mel` works them out: in
    /// `f64`, rounded to `f32` before and after scaling. False where two of the band's edges are the same number.
    ///
    /// A bin lies between two neighbouring edges and so under two triangles at most, and neither DC nor the Nyquist
    /// frequency has a weight. With many bands and a short FFT the lowest triangles fall between two bins; such a band
    /// has no weights and always reads silence, as in librosa (which warns).
    pub fn weights(&self, band: usize, mut on_weight: impl FnMut(usize, f32)) -> bool {
        let lowest = mel_of_hertz(self.scale, f64::from(self.f_min));
        let highest = mel_of_hertz(self.scale, f64::from(self.f_max));
        let step = (highest - lowest) / (self.mel_bands + 1) as f64;
        let edge = |i: usize| {
            let mel = if i > self.mel_bands { highest } else { lowest + i as f64 * step };
            hertz_of_mel(self.scale, mel)
        };
        let hertz_per_bin = f64::from(self.sample_rate) / self.n_fft as f64;
        let (lower, centre, upper) = (edge(band), edge(band + 1), edge(band + 2));
        if !(lower < centre && centre < upper) {
            return false;
        }
        let scale = if self.area_1 { 2.0 / (upper - lower) } else { 1.0 };
        let below = (lower / hertz_per_bin) as usize;
        let above = (upper / hertz_per_bin) as usize + 1;
        for bin in below.max(1)..=above.min(self.n_fft / 2 - 1) {
            let hertz = bin as f64 * hertz_per_bin;
            let rising = (hertz - lower) / (centre - lower);
            let falling = (upper - hertz) / (upper - centre);
            let weight = rising.min(falling) as f32;
            if weight > 0.0 {
                on_weight(bin, (f64::from(weight) * scale) as f32);
            }
        }
        true
    }
}

/// Sample `i` of a periodic Hann window of `n` samples.
pub(super) fn hann(i: usize, n: usize) -> f32 {
    let turn = 2.0 * core::f64::consts::PI / n as f64;
    (0.5 - 0.5 * libm::cos(turn * i as f64)) as f32
}

/// Slaney's scale is linear up to this frequency ...
const LINEAR_END_HERTZ: f64 = 1000.0;
/// ... with this many hertz per mel, so that the logarithmic part begins at 15 mel.
const HERTZ_PER_MEL: f64 = 200.0 / 3.0;
const LINEAR_END_MEL: f64 = LINEAR_END_HERTZ / HERTZ_PER_MEL;

/// Natural logarithm of the ratio of two frequencies one mel apart, in the logarithmic part.
fn slaney_log_step() -> f64 {
    libm::log(6.4) / 27.0
}

fn mel_of_hertz(scale: Scale, hertz: f64) -> f64 {
    match scale {
        Scale::Htk => 2595.0 * libm::log10(1.0 + hertz / 700.0),
        Scale::Slaney if hertz < LINEAR_END_HERTZ => hertz / HERTZ_PER_MEL,
        Scale::Slaney => LINEAR_END_MEL + libm::log(hertz / LINEAR_END_HERTZ) / slaney_log_step(),
    }
}

fn hertz_of_mel(scale: Scale, mel: f64) -> f64 {
    match scale {
        Scale::Htk => 700.0 * (libm::pow(10.0, mel / 2595.0) - 1.0),
        Scale::Slaney if mel < LINEAR_END_MEL => mel * HERTZ_PER_MEL,
        Scale::Slaney => LINEAR_END_HERTZ * libm::exp(slaney_log_step() * (mel - LINEAR_END_MEL)),
    }
}
