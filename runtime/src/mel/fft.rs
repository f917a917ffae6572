//! Real FFTs of the sizes that a build has.

use microfft::Complex32;

/// FFT sizes in this build, rising.
pub(super) const SUPPORTED_SIZES: &[usize] = &[
    256,
    512,
    #[cfg(feature = "fft-1024")]
    1024,
    #[cfg(feature = "fft-2048")]
    2048,
    #[cfg(feature = "fft-4096")]
    4096,
];

/// A number of points, as a type: `Points<512>` implements [`FftSize`], `Points<500>` does not.
#[derive(Clone, Copy, Debug)]
pub struct Points<const N: usize>;

mod sealed {
    pub trait Sealed {}
}

/// FFT sizes that can be used: 256 and 512 always; 1024, 2048 and 4096 with the features `fft-1024`, `fft-2048`
/// and `fft-4096` (each brings microfft's sine table for that size into the program).
///
/// Sealed: [`Points`] implements it.
pub trait FftSize<const N: usize>: sealed::Sealed {
    /// Real FFT in place. Bin 0 holds DC in its real and the Nyquist frequency in its imaginary part.
    #[doc(hidden)]
    fn rfft(samples: &mut [f32; N]) -> &mut [Complex32];
}

macro_rules! fft_sizes {
    ($($(#[$gate:meta])? $size:literal => $rfft:ident,)*) => {$(
        $(#[$gate])?
        impl sealed::Sealed for Points<$size> {}
        $(#[$gate])?
        impl FftSize<$size> for Points<$size> {
            #[inline]
            fn rfft(samples: &mut [f32; $size]) -> &mut [Complex32] {
                microfft::real::$rfft(samples)
            }
        }
    )*};
}

fft_sizes! {
    256 => rfft_256,
    512 => rfft_512,
    #[cfg(feature = "fft-1024")]
    1024 => rfft_1024,
    #[cfg(feature = "fft-2048")]
    2048 => rfft_2048,
    #[cfg(feature = "fft-4096")]
    4096 => rfft_4096,
}
