//! The loop as a task of embassy's executor, which sleeps by WFE when no task has been woken.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use panic_halt as _;
use w5500_evb_pico::{Runner, Server};

#[embassy_executor::task]
async fn frames(runner: Runner) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn serve(server: Server) -> ! {
    server.run().await
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let peripherals = embassy_rp::init(Default::default());
    let Some((driver, runner)) = w5500_evb_pico::start(peripherals, Server::MAC).await else {
        panic!("no W5500");
    };
    let server = Server::new(driver);
    spawner.spawn(frames(runner).expect("it is the only one"));
    spawner.spawn(serve(server).expect("it is the only one"));
}
