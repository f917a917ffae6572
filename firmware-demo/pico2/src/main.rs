//! Tags what a microphone hears: ADC at 48 kHz, the tagger, frames over UART0, an LED for one tag.
//!
//! Built in CI, not run on hardware there: see README.md.
#![no_std]
#![no_main]

mod microphone;
mod speaker;

use embassy_executor::Spawner;
use embassy_rp::adc::{self, Adc, Channel};
use embassy_rp::gpio::{Level, Output, Pull};
use embassy_rp::peripherals::DMA_CH0;
use embassy_rp::uart::{self, UartTx};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::Instant;
use microphone::{PIECES, Piece, listen};
use panic_halt as _;
use runtime::include_model;
use runtime::listen::{Listener, SAMPLE_WORDS};
use runtime::packed::PackedModel;
use runtime::resample::{Channels, Filter};
use speaker::Speaker;
use static_cell::{ConstStaticCell, StaticCell};

static MODEL: &[u8] = include_model!("../../../models/k2c1-msd50-0.1m/model.bin");

/// Words of memory: what `runtime::listen::memory_words` says of the model, with some to spare.
const MEMORY: usize = SAMPLE_WORDS + 1200;
static MEMORY_WORDS: ConstStaticCell<[u32; MEMORY]> = ConstStaticCell::new([0; MEMORY]);
static TAGGER: StaticCell<PackedModel<'static>> = StaticCell::new();

/// The LED is on while this tag's mean is at its threshold or above.
const LED_TAG: &str = "electronic";

bind_interrupts!(struct Irqs {
    ADC_IRQ_FIFO => adc::InterruptHandler;
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>;
});

#[embassy_executor::main(executor = "embassy_rp::executor::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) {
    let board = embassy_rp::init(Default::default());
    let adc = Adc::new(board.ADC, Irqs, adc::Config::default());
    let pin = Channel::new_pin(board.PIN_26, Pull::None);
    let dma = dma::Channel::new(board.DMA_CH0, Irqs);
    if let Ok(task) = listen(adc, pin, dma) {
        spawner.spawn(task);
    }
    let mut led = Output::new(board.PIN_25, Level::Low);
    let line: UartTx<'_, uart::Blocking> =
        UartTx::new_blocking(board.UART0, board.PIN_0, uart::Config::default());
    let mut speaker = Speaker::new(line);

    // The model is in flash and was checked when it was made; a board with a damaged flash stays dark.
    let Ok(model) = PackedModel::parse(MODEL) else { return };
    let model = TAGGER.init(model);
    let led_tag = model.tags().position(|tag| tag.name == LED_TAG);
    let memory = MEMORY_WORDS.take();
    let filter = Filter::FROM_48_KHZ;
    let Ok(mut listener) = Listener::with(model, filter, Channels::Mono, model.stride(), memory) else {
        return;
    };
    listener.spread();

    speaker.hello(model, filter.sample_rate());
    let mut samples: u64 = 0;
    loop {
        let Piece(piece) = PIECES.receive().await;
        samples += piece.len() as u64;
        let mut answered = false;
        listener.push(&piece, |answer| {
            answered = true;
            speaker.hold(&answer);
        });
        if answered {
            let heard = samples * 1000 / u64::from(filter.sample_rate());
            speaker.scores(&listener, Instant::now().as_millis(), heard);
            if let Some(score) = led_tag.and_then(|tag| listener.scores().iter().nth(tag)) {
                led.set_level(Level::from(score.p >= score.threshold.unwrap_or(0.5)));
            }
        }
    }
}
