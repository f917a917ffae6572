//! A corpus that lives in the device's memory: crops are gathered and standardised there.

use super::batches::LabelledClip;
use crate::features::ahead;
use crate::net::Standardise;
use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};

/// Where a corpus's codes are while it is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CorpusIn {
    /// In files mapped to memory: crops are made by the CPU's threads.
    #[default]
    Host,
    /// All of them in the device's memory, where crops are made too; a quarter of what they would take as float32.
    Device,
}

/// Codes in one tensor at most: candle's CUDA kernel counts them in 32 bits, and would read elsewhere beyond.
const PAGE: usize = 1 << 31;

/// The codes of clips as tensors [frames, bands] of bytes, and what it takes to make them log-mels.
pub struct Resident {
    pages: Vec<Tensor>,
    clips: Vec<Place>,
    mean: Tensor,
    deviation: Tensor,
    /// Decibel of a code are `step * code + zero`.
    step: f64,
    zero: f64,
}

#[derive(Clone, Copy)]
struct Place {
    page: usize,
    first: usize,
    frames: usize,
}

impl Resident {
    /// Takes the clips' codes to the device.
    ///
    /// # Errors
    /// When there is no room for them, or a code's decibel are not a line over the codes.
    pub fn new(
        clips: &[LabelledClip<'_>],
        standardise: &Standardise,
        decode: &dyn Fn(u8) -> f32,
        device: &Device,
    ) -> Result<Self> {
        Self::with_pages(clips, standardise, decode, device, PAGE)
    }

    fn with_pages(
        clips: &[LabelledClip<'_>],
        standardise: &Standardise,
        decode: &dyn Fn(u8) -> f32,
        device: &Device,
        page: usize,
    ) -> Result<Self> {
        let (zero, step) = (decode(0), decode(1) - decode(0));
        if (0..=255u8).any(|code| decode(code) != f32::from(code) * step + zero) {
            candle_core::bail!(
                "codes whose decibel are not evenly spaced cannot be turned into them on the device"
            );
        }
        let bands = standardise.mean.len();
        let mut resident = Self {
            pages: Vec::new(),
            clips: Vec::with_capacity(clips.len()),
            mean: Tensor::from_slice(&standardise.mean, (1, bands, 1), device)?,
            deviation: Tensor::full(standardise.deviation, (1, 1, 1), device)?,
            step: f64::from(step),
            zero: f64::from(zero),
        };
        let mut rest = clips;
        while !rest.is_empty() {
            let mut bytes = 0;
            let count = rest
                .iter()
                .take_while(|clip| {
                    bytes += clip.codes.len();
                    bytes <= page
                })
                .count();
            // A clip longer than a page has one of its own.
            let (now, later) = rest.split_at(count.max(1));
            resident.add_page(now, bands, device)?;
            rest = later;
        }
        Ok(resident)
    }

    fn add_page(&mut self, clips: &[LabelledClip<'_>], bands: usize, device: &Device) -> Result<()> {
        let rows: usize = clips.iter().map(|clip| clip.codes.len() / bands).sum();
        let page = Tensor::zeros((rows, bands), DType::U8, device)?;
        let mut first = 0;
        // Clip by clip: a second copy of a large corpus in the computer's memory may be one too many.
        for codes in ahead(clips.iter().map(|clip| clip.codes)) {
            let frames = codes.len() / bands;
            let codes = Tensor::from_slice(&codes[..frames * bands], (frames, bands), device)?;
            page.slice_set(&codes, 0, first)?;
            self.clips.push(Place { page: self.pages.len(), first, frames });
            first += frames;
        }
        self.pages.push(page);
        Ok(())
    }

    /// Standardised log-mels [clips, bands, frames] of crops, each a clip and the frame that it starts at; a clip that
    /// ends is begun again. The same float32 operations as [`Standardise::table`]'s: on a CPU, the same numbers to the
    /// last bit.
    ///
    /// # Errors
    /// When candle fails.
    pub fn crops(&self, starts: &[(usize, usize)], frames: usize) -> Result<Tensor> {
        let mut parts = Vec::new();
        let mut order = vec![0u32; starts.len()];
        let mut gathered = 0;
        for (number, page) in self.pages.iter().enumerate() {
            let mut rows: Vec<u32> = Vec::new();
            for (at, &(clip, from)) in starts.iter().enumerate() {
                let place = self.clips[clip];
                if place.page == number {
                    let row = |f: usize| (place.first + (from + f) % place.frames) as u32;
                    rows.extend((0..frames).map(row));
                    order[at] = gathered;
                    gathered += 1;
                }
            }
            if !rows.is_empty() {
                let count = rows.len();
                parts.push(page.index_select(&Tensor::from_vec(rows, count, page.device())?, 0)?);
            }
        }
        let bands = self.mean.dim(1)?;
        let codes = if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(&parts, 0)? };
        let mut codes = codes.reshape((starts.len(), frames, bands))?;
        if !order.is_sorted() {
            codes = codes.index_select(&Tensor::from_vec(order, starts.len(), codes.device())?, 0)?;
        }
        let codes = codes.transpose(1, 2)?.contiguous()?.to_dtype(DType::F32)?;
        let decibel = codes.affine(self.step, self.zero)?;
        decibel.broadcast_sub(&self.mean)?.broadcast_div(&self.deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::batches::crop;

    #[test]
    fn crops_are_those_made_in_memory_to_the_bit_however_many_pages_there_are() {
        const BANDS: usize = 3;
        let codes: Vec<u8> = (0..4000u32).map(|i| (i * 97 % 256) as u8).collect();
        let clips: Vec<LabelledClip<'_>> = [5, 40, 7, 100, 64]
            .iter()
            .enumerate()
            .map(|(i, frames)| LabelledClip::whole(&codes[i * 31..][..frames * BANDS], &[]))
            .collect();
        let decode = |code: u8| f32::from(code) * 0.5 - 100.0;
        let standardise = Standardise { mean: vec![-43.217, -61.1, -50.9], deviation: 13.377 };
        let starts = [(3, 70), (0, 0), (4, 11), (2, 0), (3, 0), (1, 3)];
        let frames = 30;
        let table = standardise.table(decode);
        let mut want = vec![0.0; starts.len() * BANDS * frames];
        for (x, &(clip, from)) in want.chunks_mut(BANDS * frames).zip(&starts) {
            crop(clips[clip].codes, &table, from, frames, x);
        }
        for (page, pages) in [(PAGE, 1), (200, 3), (1, 5)] {
            let resident = Resident::with_pages(&clips, &standardise, &decode, &Device::Cpu, page).unwrap();
            assert_eq!(resident.pages.len(), pages);
            let got = resident.crops(&starts, frames).unwrap();
            assert_eq!(got.dims(), [starts.len(), BANDS, frames]);
            assert_eq!(got.flatten_all().unwrap().to_vec1::<f32>().unwrap(), want);
        }
    }

    #[test]
    fn codes_that_are_no_line_are_refused() {
        let decode = |code: u8| f32::from(code).sqrt();
        let clips = [LabelledClip::whole(&[1, 2], &[])];
        assert!(Resident::new(&clips, &Standardise::none(2), &decode, &Device::Cpu).is_err());
    }
}
