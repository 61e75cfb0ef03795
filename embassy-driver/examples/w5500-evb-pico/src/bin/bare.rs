//! The loop without an executor: it polls the driver's own future beside the stack, and sleeps.
//!
//! Nobody has to be woken, so that the waker does nothing. Whatever makes progress comes with an
//! interrupt, DMA, the controller's pin or the timer, and each interrupt ends a WFE, even one that
//! came since the last look: on its entry and its return the processor sets the event register
//! (`ExceptionTaken` and `ExceptionReturn` in the Armv6-M and Armv7-M reference manuals).
#![no_std]
#![no_main]

use core::pin::pin;
use core::task::{Context, Poll, Waker};

use panic_halt as _;
use w5500_evb_pico::Server;

#[cortex_m_rt::entry]
fn main() -> ! {
    let peripherals = embassy_rp::init(Default::default());
    let mut cx = Context::from_waker(Waker::noop());
    let started = block_on(w5500_evb_pico::start(peripherals, Server::MAC), &mut cx);
    let Some((driver, runner)) = started else {
        panic!("no W5500");
    };
    let mut server = Server::new(driver);
    let mut frames = pin!(runner.run());
    loop {
        let Poll::Pending = frames.as_mut().poll(&mut cx);
        server.poll(&mut cx);
        cortex_m::asm::wfe();
    }
}

/// Sleeps until the future is ready.
fn block_on<T>(future: impl Future<Output = T>, cx: &mut Context<'_>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return output;
        }
        cortex_m::asm::wfe();
    }
}
