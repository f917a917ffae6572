//! Sums of products: the one place where it pays to know the processor.
//!
//! A kernel multiplies one window of 16-bit numbers (which hold 8-bit integers) with the weights of several quads of
//! outputs, in the layout of [`Layer::weights`](crate::packed::Layer::weights). All kernels give the same numbers: sums of
//! integers have no rounding, and the packed model has been checked to keep them below 2^23.

#[cfg(minim_dsp)]
#[allow(unsafe_code)]
mod arm;
mod portable;

/// Sums of `x`'s products with each row of `weights`: `sums.len()` rows in quads of `x.len()` taps.
///
/// # Panics
/// When the lengths do not fit: `weights` has `sums.len() * x.len()` bytes, `x` whole blocks and `sums` whole quads.
#[inline]
pub(crate) fn multiply(x: &[i16], weights: &[u8], sums: &mut [i32]) {
    assert!(x.len().is_multiple_of(crate::packed::BLOCK) && sums.len().is_multiple_of(crate::packed::QUAD));
    assert_eq!(weights.len(), x.len() * sums.len());
    #[cfg(minim_dsp)]
    if arm::multiply(x, weights, sums) {
        return;
    }
    portable::multiply(x, weights, sums);
}
