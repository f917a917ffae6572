//! From sums to 8-bit integers.

use crate::packed::{Layer, RESCALE_BYTES, Rescale, TABLE_BYTES};

impl Rescale {
    /// The 8-bit integer of a sum, where 32 bits are enough: the model was checked for it.
    ///
    /// Halves go to the even neighbour, as in ONNX's QuantizeLinear:
    /// half a step less one is added, and one more where the result would otherwise be odd.
    #[inline(always)]
    pub(crate) fn apply(&self, sum: i32, zero_point: i8) -> i8 {
        let product = (sum + self.bias) * i32::from(self.multiplier);
        let odd = product >> self.shift & 1;
        let rounded = (product + ((1 << (self.shift - 1)) - 1) + odd) >> self.shift;
        (rounded + i32::from(zero_point)).clamp(-128, 127) as i8
    }

    /// [`apply`](Self::apply) for [wide](Layer::wide) layers.
    #[inline(always)]
    pub(crate) fn apply_wide(&self, sum: i32, zero_point: i8) -> i8 {
        let product = (i64::from(sum) + i64::from(self.bias)) * i64::from(self.multiplier);
        let odd = product >> self.shift & 1;
        let rounded = (product + ((1 << (self.shift - 1)) - 1) + odd) >> self.shift;
        (rounded + i64::from(zero_point)).clamp(-128, 127) as i8
    }
}

/// The integer that goes out for a pooled one.
#[inline(always)]
pub(crate) fn activate(table: Option<&[u8; TABLE_BYTES]>, pooled: i8) -> i16 {
    match table {
        Some(table) => i16::from(table[usize::from(pooled as u8 ^ 0x80)] as i8),
        None => i16::from(pooled),
    }
}

/// The integers that go out for sums, beginning with those of `first`.
// Once in a program: inlined, it would be unrolled at each of its places, which costs flash and gains nothing.
#[inline(never)]
pub(crate) fn finish(layer: &Layer<'_>, first: usize, sums: &[i32], out: &mut [i16]) {
    let (zero_point, table) = (layer.pooled.zero_point, layer.table);
    // Slices side by side leave no bounds to check.
    let rescale = layer.rescale.as_chunks::<RESCALE_BYTES>().0[first..].iter().map(Rescale::of);
    let integers = out.iter_mut().zip(rescale).zip(sums);
    if layer.wide {
        for ((out, rescale), &sum) in integers {
            *out = activate(table, apply_wide(rescale, sum, zero_point));
        }
    } else if let Some(table) = table {
        for ((out, rescale), &sum) in integers {
            *out = activate(Some(table), rescale.apply(sum, zero_point));
        }
    } else {
        for ((out, rescale), &sum) in integers {
            *out = activate(None, rescale.apply(sum, zero_point));
        }
    }
}

/// [`Rescale::apply_wide`], out of the way: few layers have it.
#[inline(never)]
fn apply_wide(rescale: Rescale, sum: i32, zero_point: i8) -> i8 {
    rescale.apply_wide(sum, zero_point)
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_is_that_of_real_numbers(
            sum in -(1i32 << 22)..1 << 22, bias in -(1i32 << 22)..1 << 22, multiplier in 1u16..=255, shift in 1u8..=30,
            zero_point in any::<i8>(),
        ) {
            let rescale = Rescale { bias, multiplier, shift };
            let largest = ((1i64 << 22) + i64::from(bias.abs())) * i64::from(multiplier) + (1 << (shift - 1));
            prop_assume!(largest < 1 << 31);
            let real = f64::from(sum + bias) * f64::from(multiplier) / f64::from(1u32 << shift);
            let want = (real.round_ties_even() + f64::from(zero_point)).clamp(-128.0, 127.0);
            prop_assert_eq!(f64::from(rescale.apply(sum, zero_point)), want);
            prop_assert_eq!(f64::from(rescale.apply_wide(sum, zero_point)), want);
        }

        #[test]
        fn rounding_in_64_bits_is_that_of_real_numbers(
            sum in -(1i32 << 23)..1 << 23, bias in any::<i32>(), multiplier in 1u16.., shift in 1u8..=47,
        ) {
            let real = (f64::from(sum) + f64::from(bias)) * f64::from(multiplier) / (1u64 << shift) as f64;
            let want = real.round_ties_even().clamp(-128.0, 127.0);
            prop_assert_eq!(f64::from(Rescale { bias, multiplier, shift }.apply_wide(sum, 0)), want);
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let half = Rescale { bias: 0, multiplier: 1, shift: 1 };
        assert_eq!([-3, -1, 1, 3, 5].map(|sum| half.apply(sum, 0)), [-2, 0, 0, 2, 2]);
    }
}
