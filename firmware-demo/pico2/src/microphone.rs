//! The microphone: GPIO26, 48,000 times a second, by DMA.

use embassy_rp::adc::{Adc, Async, Channel};
use embassy_rp::dma;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel;

/// Samples of a piece: 10 ms.
const SAMPLES: usize = 480;
/// The ADC's clock is 48 MHz; one conversion every 1000 of its cycles.
const DIVIDER: u16 = 999;
/// Bits by which the mean follows the samples: a corner of 48,000 / (2 pi 1024) = 7.5 Hz.
const MEAN_BITS: u32 = 10;

/// Ten milliseconds of sound.
pub struct Piece(pub [i16; SAMPLES]);

/// Pieces on their way from the microphone to the tagger.
pub static PIECES: channel::Channel<CriticalSectionRawMutex, Piece, 4> = channel::Channel::new();

/// Fills pieces, one after the other.
///
/// Between two of them the ADC stops until DMA has been started anew: embassy's driver takes a buffer at a time. That costs
/// some microseconds, a sample at most, in 10 ms; the spectrogram's windows of 43 ms hardly show it.
#[embassy_executor::task]
pub async fn listen(mut adc: Adc<'static, Async>, mut pin: Channel<'static>, mut dma: dma::Channel<'static>) {
    let mut raw = [0u16; SAMPLES];
    // In steps of 1 / 2^MEAN_BITS, beginning in the middle of the range.
    let mut mean: i32 = 2048 << MEAN_BITS;
    loop {
        if adc.read_many(&mut pin, &mut raw, DIVIDER, &mut dma).await.is_err() {
            continue;
        }
        let mut piece = [0; SAMPLES];
        for (sample, &raw) in piece.iter_mut().zip(&raw) {
            // 12 bits about the mean, which is the microphone's bias, made 16.
            let centred = i32::from(raw) - (mean >> MEAN_BITS);
            mean += centred;
            *sample = (centred << 4).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        // A tagger that is late loses sound rather than time.
        let _ = PIECES.try_send(Piece(piece));
    }
}
