//! The board: a W5500 at SPI0 of an RP2040.

use embassy_net_wiznet::State;
use embassy_net_wiznet::chip::W5500;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, SPI0};
use embassy_rp::spi::{Async, Config, Spi};
use embassy_rp::{Peripherals, bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::ConstStaticCell;

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;

/// The side of the driver that the stack has.
pub type Driver = embassy_net_wiznet::Device<'static>;
/// The side of the driver that moves frames over the bus.
pub type Runner = embassy_net_wiznet::Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;

/// Starts the controller. None when no W5500 answers.
pub async fn start(peripherals: Peripherals, mac: [u8; 6]) -> Option<(Driver, Runner)> {
    static STATE: ConstStaticCell<State<4, 4>> = ConstStaticCell::new(State::new());

    let mut config = Config::default();
    config.frequency = 30_000_000;
    let spi = Spi::new(
        peripherals.SPI0,
        peripherals.PIN_18,
        peripherals.PIN_19,
        peripherals.PIN_16,
        peripherals.DMA_CH0,
        peripherals.DMA_CH1,
        Interrupts,
        config,
    );
    let select = Output::new(peripherals.PIN_17, Level::High);
    let reset = Output::new(peripherals.PIN_20, Level::High);
    let interrupt = Input::new(peripherals.PIN_21, Pull::Up);
    let Ok(bus) = ExclusiveDevice::new(spi, select, Delay);
    let started = embassy_net_wiznet::new(mac, STATE.take(), bus, interrupt, reset).await;
    started.ok()
}
