//! The reference, for any processor.

use crate::packed::{BLOCK, QUAD};

/// See [`multiply`](super::multiply).
pub(crate) fn multiply(x: &[i16], weights: &[u8], sums: &mut [i32]) {
    let quads = weights.chunks_exact((x.len() * QUAD).max(1));
    for (sums, weights) in sums.as_chunks_mut::<QUAD>().0.iter_mut().zip(quads) {
        *sums = quad(x, weights);
    }
}

/// One quad. Two rows at a time: the 16-bit numbers, `256 * first + second`, and their low bytes, `second`, each give a
/// sum; the difference is 256 times the first row's, for no carry is lost below 2^23.
fn quad(x: &[i16], weights: &[u8]) -> [i32; QUAD] {
    let (mut both, mut second) = ([0i32; 2], [0i32; 2]);
    let blocks = weights.as_chunks::<{ BLOCK * QUAD }>().0;
    for (x, block) in x.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        for (pair, weights) in block.as_chunks::<{ 2 * BLOCK }>().0.iter().enumerate() {
            for (&x, &weight) in x.iter().zip(weights.as_chunks::<2>().0) {
                let weight = i32::from(i16::from_le_bytes(weight));
                both[pair] = both[pair].wrapping_add(i32::from(x) * weight);
                second[pair] += i32::from(x) * i32::from(weight as i8);
            }
        }
    }
    let first = |pair: usize| both[pair].wrapping_sub(second[pair]) >> 8;
    [first(0), second[0], first(1), second[1]]
}
