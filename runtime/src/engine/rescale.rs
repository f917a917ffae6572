//! From sums to 8-bit integers.

use crate::packed::{Layer, RESCALE_BYTES, Rescale};

impl Rescale {
    /// The place in ELU's table of a sum: its 8-bit integer plus 128.
    ///
    /// Halves go to the even neighbour, as in ONNX's QuantizeLinear. The fraction is the product's lower half; half a step
    /// less one is added to it, and one more where the whole is odd: what is carried over is what has to be added.
    #[inline(always)]
    pub(crate) fn place(&self, sum: i32, zero_point: ZeroPlace) -> u8 {
        let product = i64::from(sum + self.bias) * i64::from(self.multiplier as i32);
        let odd = product >> 32 & 1;
        let whole = (product + 0x7fff_ffff + odd) >> 32;
        (whole as i32 + zero_point.0).clamp(0, 255) as u8
    }
}

/// Where zero is in ELU's table: the zero point plus 128.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ZeroPlace(i32);

impl ZeroPlace {
    /// By flipping the highest bit: a sum, the compiler would take apart again, and find no saturating instruction.
    pub(crate) fn of(layer: &Layer<'_>) -> Self {
        Self::of_point(layer.pooled.zero_point)
    }

    fn of_point(zero_point: i8) -> Self {
        Self(i32::from(zero_point as u8 ^ 0x80))
    }
}

/// The integers that go out for sums, beginning with those of `first`.
// Once in a program: inlined, it would be unrolled at each of its places, which costs flash and gains nothing.
#[inline(never)]
pub(crate) fn finish(layer: &Layer<'_>, first: usize, sums: &[i32], out: &mut [i16]) {
    let zero_point = ZeroPlace::of(layer);
    // Slices side by side leave no bounds to check.
    let rescale = layer.rescale.as_chunks::<RESCALE_BYTES>().0[first..].iter().map(Rescale::of);
    let integers = out.iter_mut().zip(rescale).zip(sums);
    match layer.table {
        Some(table) => {
            for ((out, rescale), &sum) in integers {
                *out = i16::from(table[usize::from(rescale.place(sum, zero_point))] as i8);
            }
        }
        None => {
            for ((out, rescale), &sum) in integers {
                *out = i16::from(rescale.place(sum, zero_point)) - 128;
            }
        }
    }
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
            sum in -(1i32 << 23)..1 << 23, bias in -(1i32 << 30)..=1 << 30, multiplier in 0u32..1 << 31,
            short in any::<bool>(), zero_point in any::<i8>(),
        ) {
            // Multipliers of few bits make halves.
            let multiplier = if short { multiplier >> 25 << 25 } else { multiplier };
            let product = i128::from(sum + bias) * i128::from(multiplier);
            let (whole, fraction) = (product >> 32, product & 0xffff_ffff);
            let up = fraction > 1 << 31 || (fraction == 1 << 31 && whole & 1 == 1);
            let want = (whole + i128::from(up) + i128::from(zero_point) + 128).clamp(0, 255);
            let place = Rescale { bias, multiplier }.place(sum, ZeroPlace::of_point(zero_point));
            prop_assert_eq!(i128::from(place), want);
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let quarter = Rescale { bias: 0, multiplier: 1 << 30 };
        assert_eq!(
            [-6, -2, 2, 6, 10].map(|sum| i32::from(quarter.place(sum, ZeroPlace::of_point(0))) - 128),
            [-2, 0, 0, 2, 2]
        );
    }
}
