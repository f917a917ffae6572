//! Changes carried out, in memory and on the device. Both do the same float32 operations in the same order: on a CPU
//! they give the same numbers to the last bit.

use super::Change;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Changes `x` [clips, bands, frames].
pub fn apply(change: &Change, x: &mut [f32], bands: usize, frames: usize) {
    let size = bands * frames;
    debug_assert!(x.len().is_multiple_of(size));
    match change {
        Change::Offset(offsets) => {
            x.par_chunks_mut(frames).zip(offsets).for_each(|(row, &offset)| {
                row.iter_mut().for_each(|v| *v += offset);
            });
        }
        Change::Floor(floors) => {
            x.par_chunks_mut(size)
                .zip(floors)
                .filter(|(_, floor)| floor.is_finite())
                .for_each(|(clip, &floor)| clip.iter_mut().for_each(|v| *v = v.max(floor)));
        }
        Change::Mask { bands: keep_bands, frames: keep_frames } => {
            x.par_chunks_mut(size).enumerate().for_each(|(clip, x)| {
                let (keep_bands, keep_frames) =
                    (&keep_bands[clip * bands..], &keep_frames[clip * frames..(clip + 1) * frames]);
                for (row, keep) in x.chunks_mut(frames).zip(keep_bands) {
                    row.iter_mut().zip(keep_frames).for_each(|(v, k)| *v = *v * keep * k);
                }
            });
        }
        Change::Mix { other, share } => {
            let before = x.to_vec();
            x.par_chunks_mut(size).zip(other).zip(share).for_each(|((x, &other), &share)| {
                let its = &before[other as usize * size..][..size];
                let rest = 1.0 - share;
                x.iter_mut().zip(its).for_each(|(v, o)| *v = *v * share + o * rest);
            });
        }
    }
}

/// [`apply`] by tensors: `x` is [clips, bands, frames] on any device.
///
/// # Errors
/// When candle fails.
pub fn apply_on_device(change: &Change, x: &Tensor) -> Result<Tensor> {
    let (clips, bands, frames) = x.dims3()?;
    let device = x.device();
    let to = |values: &[f32], shape: (usize, usize, usize)| Tensor::from_slice(values, shape, device);
    match change {
        Change::Offset(offsets) => x.broadcast_add(&to(offsets, (clips, bands, 1))?),
        Change::Floor(floors) => x.broadcast_maximum(&to(floors, (clips, 1, 1))?),
        Change::Mask { bands: keep_bands, frames: keep_frames } => x
            .broadcast_mul(&to(keep_bands, (clips, bands, 1))?)?
            .broadcast_mul(&to(keep_frames, (clips, 1, frames))?),
        Change::Mix { other, share } => {
            let its = x.index_select(&Tensor::from_slice(other, clips, device)?, 0)?;
            let rest: Vec<f32> = share.iter().map(|s| 1.0 - s).collect();
            x.broadcast_mul(&to(share, (clips, 1, 1))?)? + its.broadcast_mul(&to(&rest, (clips, 1, 1))?)?
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn memory_and_device_agree_to_the_bit() {
        let (clips, bands, frames) = (3, 4, 7);
        let values: Vec<f32> = (0..clips * bands * frames).map(|i| (i as f32 * 0.7).sin()).collect();
        let row = |n: usize, step: f32| (0..n).map(|i| (i as f32 * step).cos()).collect::<Vec<f32>>();
        let keep = |n: usize| (0..n).map(|i| f32::from(u8::from(i % 3 != 1))).collect::<Vec<f32>>();
        for change in [
            Change::Offset(row(clips * bands, 0.3)),
            Change::Floor(vec![-0.2, f32::NEG_INFINITY, 0.4]),
            Change::Mask { bands: keep(clips * bands), frames: keep(clips * frames) },
            Change::Mix { other: vec![1, 2, 0], share: vec![0.3, 0.9, 0.123_456_7] },
        ] {
            let mut x = values.clone();
            apply(&change, &mut x, bands, frames);
            let tensor = Tensor::from_slice(&values, (clips, bands, frames), &Device::Cpu).unwrap();
            let on_device = apply_on_device(&change, &tensor).unwrap();
            assert_eq!(x, on_device.flatten_all().unwrap().to_vec1::<f32>().unwrap(), "{change:?}");
            assert_ne!(x, values);
        }
    }

    #[test]
    fn masked_values_are_the_mean_and_floors_only_raise() {
        let mut x = vec![2.0, -2.0, 3.0, -3.0];
        apply(&Change::Floor(vec![-2.5]), &mut x, 2, 2);
        assert_eq!(x, [2.0, -2.0, 3.0, -2.5]);
        apply(&Change::Mask { bands: vec![1.0, 0.0], frames: vec![0.0, 1.0] }, &mut x, 2, 2);
        assert_eq!(x, [0.0, -2.0, 0.0, 0.0]);
    }
}
