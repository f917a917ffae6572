//! Window and filters of Minim's spectrogram, as `LogMel::new` works them out.

use super::triangles::{Scale, Triangles};
use std::fmt::Write;

const N_FFT: usize = 512;
const MEL_BANDS: usize = 96;

/// `mel_tables.rs`: `WINDOW`, `BANDS` and `WEIGHTS`.
pub fn source() -> String {
    let triangles = Triangles {
        sample_rate: 12_000,
        n_fft: N_FFT,
        mel_bands: MEL_BANDS,
        f_min: 0.0,
        f_max: 6_000.0,
        scale: Scale::Slaney,
        area_1: true,
    };
    let window = (0..N_FFT).map(|i| super::triangles::hann(i, N_FFT));
    let mut weights = vec![0.0f32; N_FFT];
    let mut bands = vec![(0u16, 0u16, 0u16); MEL_BANDS];
    let mut used = 0;
    for (i, band) in bands.iter_mut().enumerate() {
        band.1 = used as u16;
        triangles.weights(i, |bin, weight| {
            if band.2 == 0 {
                band.0 = bin as u16;
            }
            weights[used] = weight;
            band.2 += 1;
            used += 1;
        });
    }
    let mut source = String::new();
    list(&mut source, "WINDOW", "f32", N_FFT, window.map(float));
    let band = |(first_bin, first_weight, weights)| {
        format!("Band {{ first_bin: {first_bin}, first_weight: {first_weight}, weights: {weights} }}")
    };
    list(&mut source, "BANDS", "Band", MEL_BANDS, bands.into_iter().map(band));
    list(&mut source, "WEIGHTS", "f32", N_FFT, weights.into_iter().map(float));
    source
}

/// By its bits, so that nothing is rounded.
fn float(value: f32) -> String {
    format!("f32::from_bits({})", value.to_bits())
}

fn list(source: &mut String, name: &str, kind: &str, length: usize, values: impl Iterator<Item = String>) {
    let values = values.collect::<Vec<_>>().join(", ");
    writeln!(source, "const {name}: [{kind}; {length}] = [{values}];")
        .expect("a string takes all that is written");
}
