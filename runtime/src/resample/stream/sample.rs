//! What samples are, and where they come from.

mod sealed {
    pub trait Sealed {}
    impl Sealed for i16 {}
    impl Sealed for f32 {}
}

/// A sample: `i16`, or `f32` of full scale -1.0 to 1.0. Sealed.
pub trait Sample: Copy + sealed::Sealed {
    /// In 16 bits: the nearest number, the ends of the range beyond it, 0 for what is no number.
    #[doc(hidden)]
    fn to_i16(self) -> i16;
    /// Full scale is -1.0 to 1.0.
    #[doc(hidden)]
    fn to_f32(self) -> f32;
    /// Back from [`to_f32`](Self::to_f32).
    #[doc(hidden)]
    fn from_f32(value: f32) -> Self;
    /// The mean of two.
    #[doc(hidden)]
    fn mean(self, other: Self) -> Self;

    /// Moves as many samples into the room as it holds, and says how many.
    #[doc(hidden)]
    fn take_mono(samples: &mut &[Self], room: Room<'_>) -> usize {
        let taken = samples.len().min(room.len());
        let (now, later) = samples.split_at(taken);
        *samples = later;
        match room {
            Room::Integers(room) => room.iter_mut().zip(now).for_each(|(slot, x)| *slot = x.to_i16()),
            Room::Floats(room) => room.iter_mut().zip(now).for_each(|(slot, x)| *slot = x.to_f32()),
        }
        taken
    }

    /// Moves the means of as many pairs into the room as it holds, and says how many.
    #[doc(hidden)]
    fn take_stereo(samples: &mut &[Self], room: Room<'_>) -> usize {
        let taken = (samples.len() / 2).min(room.len());
        let (now, later) = samples.split_at(2 * taken);
        *samples = later;
        let pairs = now.as_chunks::<2>().0;
        match room {
            Room::Integers(room) => {
                room.iter_mut().zip(pairs).for_each(|(slot, &[l, r])| *slot = l.mean(r).to_i16());
            }
            Room::Floats(room) => {
                room.iter_mut().zip(pairs).for_each(|(slot, &[l, r])| *slot = l.mean(r).to_f32());
            }
        }
        taken
    }
}

/// Where samples go: into a filter, or out as they are.
#[doc(hidden)]
#[derive(Debug)]
pub enum Room<'a> {
    /// 16 bits.
    Integers(&'a mut [i16]),
    /// Full scale is -1.0 to 1.0.
    Floats(&'a mut [f32]),
}

impl Room<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Integers(room) => room.len(),
            Self::Floats(room) => room.len(),
        }
    }
}

impl Sample for i16 {
    #[inline]
    fn to_i16(self) -> i16 {
        self
    }

    #[inline]
    fn to_f32(self) -> f32 {
        f32::from(self) * (1.0 / 32_768.0)
    }

    #[inline]
    fn from_f32(value: f32) -> Self {
        (value * 32_768.0) as i16
    }

    #[inline]
    fn mean(self, other: Self) -> Self {
        ((i32::from(self) + i32::from(other)) >> 1) as i16
    }
}

impl Sample for f32 {
    #[inline]
    fn to_i16(self) -> i16 {
        let scaled = self * 32_768.0;
        // `as` truncates, saturates and makes 0 of NaN: with the half added it rounds.
        (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i16
    }

    #[inline]
    fn to_f32(self) -> f32 {
        crate::pcm::sane(self)
    }

    #[inline]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline]
    fn mean(self, other: Self) -> Self {
        0.5 * (self.to_f32() + other.to_f32())
    }
}

/// How many sounds lie side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// One.
    #[default]
    Mono,
    /// Left, right, left, right; what is heard is their mean.
    Stereo,
}

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Hertz.
    pub sample_rate: u32,
    /// Mono or stereo.
    pub channels: Channels,
}

impl Source {
    /// One channel at so many hertz.
    pub const fn mono(sample_rate: u32) -> Self {
        Self { sample_rate, channels: Channels::Mono }
    }

    /// Two channels at so many hertz.
    pub const fn stereo(sample_rate: u32) -> Self {
        Self { sample_rate, channels: Channels::Stereo }
    }
}

/// There is no filter from this rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no filter from {sample_rate} Hz; there are those from 12, 16, 22.05, 32, 44.1 and 48 kHz")]
pub struct SourceRateError {
    /// Hertz.
    pub sample_rate: u32,
}
