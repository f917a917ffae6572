//! The clip that is timed.

/// 29.12 s of white noise at 12 kHz, always the same.
pub fn clip() -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..349_440).map(|_| 0.3 * next()).collect()
}
