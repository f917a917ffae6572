//! Sums of products of 16-bit numbers, in 64 bits.

#[cfg(minim_dsp)]
#[allow(unsafe_code)]
mod arm;

/// `sum(x[i] * taps[i])`.
///
/// # Panics
/// When the lengths differ.
#[inline]
pub(super) fn dot(x: &[i16], taps: &[i16]) -> i64 {
    assert_eq!(x.len(), taps.len());
    #[cfg(minim_dsp)]
    if let Some(sum) = arm::dot(x, taps) {
        return sum;
    }
    x.iter().zip(taps).map(|(&x, &tap)| i64::from(i32::from(x) * i32::from(tap))).sum()
}
