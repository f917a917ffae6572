//! The filters: their taps, made when this crate is compiled.

include!(concat!(env!("OUT_DIR"), "/taps.rs"));

/// Taps that kernels may take as words of 32 bits.
#[repr(align(4))]
struct Words<const N: usize>([i16; N]);

/// A polyphase filter from one rate to 12 kHz.
///
/// A program holds the taps of those filters that it names; [`Filter::from_rate`] names all of them.
#[derive(Debug)]
pub struct Filter {
    /// Hertz that come in.
    pub(super) from: u32,
    /// `up / down` samples go out for each that comes in.
    pub(super) up: u16,
    pub(super) down: u16,
    /// Taps of a phase.
    pub(super) taps: u16,
    /// What the taps of each phase add up to.
    pub(super) gain: i32,
    /// `[up, taps]`, the oldest sample's first.
    pub(super) table: &'static [i16],
}

/// Passes everything through.
static FROM_12000: Filter = Filter { from: 12_000, up: 1, down: 1, taps: 0, gain: 0, table: &[] };

impl Filter {
    /// Hertz that go out.
    pub const TO: u32 = 12_000;
    /// From 48 kHz.
    pub const FROM_48_KHZ: &'static Self = &FROM_48000;
    /// From 44.1 kHz.
    pub const FROM_44_1_KHZ: &'static Self = &FROM_44100;
    /// From 32 kHz.
    pub const FROM_32_KHZ: &'static Self = &FROM_32000;
    /// From 22.05 kHz.
    pub const FROM_22_05_KHZ: &'static Self = &FROM_22050;
    /// From 16 kHz.
    pub const FROM_16_KHZ: &'static Self = &FROM_16000;
    /// 12 kHz, as it is.
    pub const FROM_12_KHZ: &'static Self = &FROM_12000;

    /// All of them, rising.
    pub const ALL: [&'static Self; 6] = [
        Self::FROM_12_KHZ,
        Self::FROM_16_KHZ,
        Self::FROM_22_05_KHZ,
        Self::FROM_32_KHZ,
        Self::FROM_44_1_KHZ,
        Self::FROM_48_KHZ,
    ];

    /// The filter from a rate in hertz, where there is one.
    pub fn from_rate(sample_rate: u32) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|filter| filter.from == sample_rate)
    }

    /// Hertz that come in.
    pub fn sample_rate(&self) -> u32 {
        self.from
    }
}
