//! embassy-net over a bad wire, bare and guarded. Time is embassy's mock driver, which is one for
//! the whole process: so there is one test.

mod host;
mod wire;

use std::cell::RefCell;

use embassy_net::StackResources;
use embassy_net_driver::Driver;
use embassy_time::{Duration, MockDriver};
use smoltcp_guard::{Counters, GuardedDriver, Storage};

use crate::host::Task;
use crate::wire::{Faults, Port, Wire};

const LEN: usize = 65_536;
const BUFFER_LEN: usize = 2048;
/// More than any task needs in a millisecond.
const RUNS_MAX: u32 = 1000;
const HALF_AN_HOUR_MS: u64 = 30 * 60 * 1000;

/// Sends 64 KiB from one host to the other. Returns the milliseconds that it took; None when it is
/// not done after half an hour.
fn transfer(ports: [impl Driver; 2], wire: &RefCell<Wire>, seed: u64) -> Option<u64> {
    MockDriver::get().reset();
    let mut resources = [StackResources::new(), StackResources::new()];
    let [client_port, server_port] = ports;
    let [client_resources, server_resources] = &mut resources;
    let (client, client_runner) = host::stack(0, client_port, client_resources, seed);
    let (server, server_runner) = host::stack(1, server_port, server_resources, !seed);
    let mut runners = [Task::new(client_runner), Task::new(server_runner)];
    let mut sender = Task::new(host::send(client, BUFFER_LEN, LEN));
    let mut receiver = Task::new(host::receive(server, BUFFER_LEN));
    for now_ms in 0..HALF_AN_HOUR_MS {
        let mut runs = 0;
        while run_once(&mut sender, &mut receiver, &mut runners) {
            runs += 1;
            assert!(
                runs < RUNS_MAX,
                "a task wakes itself for ever at {now_ms} ms"
            );
        }
        if sender.output.is_some()
            && let Some(received) = receiver.output
        {
            assert_eq!(received, LEN);
            return Some(now_ms);
        }
        MockDriver::get().advance(Duration::from_millis(1));
        wire.borrow_mut().tick();
    }
    None
}

/// Runs each task that was woken, and returns whether there was one.
fn run_once(
    sender: &mut Task<'_, ()>,
    receiver: &mut Task<'_, usize>,
    runners: &mut [Task<'_, ()>; 2],
) -> bool {
    let ran = sender.run() | receiver.run();
    runners
        .iter_mut()
        .fold(ran, |ran, runner| ran | runner.run())
}

fn bare(faults: Faults, seed: u64) -> Option<u64> {
    let wire = Wire::new(faults, seed);
    transfer([0, 1].map(|side| Port::new(&wire, side)), &wire, seed)
}

fn guarded(faults: Faults, seed: u64) -> (Option<u64>, Counters) {
    let wire = Wire::new(faults, seed);
    let mut storages = [Storage::<4>::new(), Storage::new()];
    let time = {
        let [client, server] = &mut storages;
        let ports = [
            GuardedDriver::new(Port::new(&wire, 0), client),
            GuardedDriver::new(Port::new(&wire, 1), server),
        ];
        transfer(ports, &wire, seed)
    };
    (time, storages[0].counters())
}

#[test]
fn what_gets_stuck_without_the_guard_does_not_with_it_and_losses_cost_less_time() {
    let faults = Faults {
        loss_percent: 5,
        jitter_max_ms: 1,
        room: usize::MAX,
    };
    let (mut stuck, mut bare_ms, mut guarded_ms) = (0, 0, 0);
    for seed in 0..12 {
        let (time, counters) = guarded(faults, seed);
        let time = time.unwrap_or_else(|| panic!("seed {seed} gets stuck: {counters:?}"));
        assert_ne!(counters.rules_applied(), 0, "seed {seed}");
        match bare(faults, seed) {
            None => stuck += 1,
            Some(bare) => {
                bare_ms += bare;
                guarded_ms += time;
            }
        }
    }
    println!("bare: {stuck} of 12 stuck; the others take {bare_ms} ms, guarded {guarded_ms} ms");
    assert!(stuck > 0, "embassy-net's smoltcp needs no guard any more");
    // Only if embassy's timer wakes the stack when the guard wants it.
    assert!(
        guarded_ms * 2 < bare_ms,
        "{guarded_ms} ms instead of {bare_ms}"
    );

    let worse = Faults {
        loss_percent: 20,
        jitter_max_ms: 50,
        room: usize::MAX,
    };
    // Drivers that refuse all frames but one, the guard's own too.
    let full = Faults { room: 1, ..faults };
    for (faults, seed) in [worse, full]
        .iter()
        .flat_map(|faults| (0..20).map(move |seed| (faults, seed)))
    {
        let (time, counters) = guarded(*faults, seed);
        assert!(time.is_some(), "seed {seed} gets stuck: {counters:?}");
    }
}
