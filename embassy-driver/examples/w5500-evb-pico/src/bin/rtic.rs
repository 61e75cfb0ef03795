//! The loop as a software task of RTIC 2, which may have hardware tasks of higher priority beside
//! it.
#![no_std]
#![no_main]

use panic_halt as _;

#[rtic::app(device = embassy_rp::pac, peripherals = false, dispatchers = [SWI_IRQ_0])]
mod app {
    use embassy_futures::join::join;
    use w5500_evb_pico::Server;

    #[shared]
    struct Shared {}

    #[local]
    struct Local {}

    #[init]
    fn init(_: init::Context) -> (Shared, Local) {
        let spawned = serve::spawn(embassy_rp::init(Default::default()));
        debug_assert!(spawned.is_ok(), "it is the only one");
        (Shared {}, Local {})
    }

    /// Both sides of the driver are in one task, for they may not preempt each other.
    #[task(priority = 1)]
    async fn serve(_: serve::Context, peripherals: embassy_rp::Peripherals) {
        let Some((driver, runner)) = w5500_evb_pico::start(peripherals, Server::MAC).await else {
            panic!("no W5500");
        };
        join(runner.run(), Server::new(driver).run()).await;
    }
}
