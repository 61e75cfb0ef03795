//! embassy-net over a bad wire, bare and guarded. Time is embassy's mock driver, which is one for
//! the whole process: so one test runs at a time.

mod host;
mod wire;

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use embassy_net::StackResources;
use embassy_net_driver::Driver;
use embassy_time::{Duration, MockDriver};
use smoltcp_guard::{Counters, GuardedDriver, Storage};

use crate::host::Task;
use crate::wire::{Faults, Port, Wire};

/// Held by the test that runs.
static CLOCK: Mutex<()> = Mutex::new(());

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

/// How many segments a host sends in a minute from an address that it has lost, while its FIN is
/// not acknowledged; and what its guard has done.
fn sent_from_lost_address(is_told: bool) -> (u32, Counters) {
    const PAUSE: Duration = Duration::from_millis(500);
    let no_faults = Faults {
        loss_percent: 0,
        jitter_max_ms: 0,
        room: usize::MAX,
    };
    MockDriver::get().reset();
    let wire = Wire::new(no_faults, 1);
    let mut storage = Storage::<4>::new();
    let driver = GuardedDriver::new(Port::new(&wire, 0), &mut storage);
    let guard = driver.control();
    let mut resources = [StackResources::new(), StackResources::new()];
    let [client_resources, server_resources] = &mut resources;
    let (client, client_runner) = host::stack(0, driver, client_resources, 1);
    let (server, server_runner) = host::stack(1, Port::new(&wire, 1), server_resources, 2);
    let mut runners = [Task::new(client_runner), Task::new(server_runner)];
    let mut sender = Task::new(host::send_and_close(client, PAUSE));
    let mut receiver = Task::new(host::receive(server, BUFFER_LEN));
    for now_ms in 0..60_000 {
        while run_once(&mut sender, &mut receiver, &mut runners) {}
        match now_ms {
            // The data has long been acknowledged.
            300 => wire.borrow_mut().is_cut = true,
            // The FIN is out.
            700 => {
                assert_ne!(wire.borrow().segments_cut, 0);
                host::change_address(client);
                if is_told {
                    guard.forget_address(host::address(0).into());
                }
            }
            // embassy-net has taken the change in.
            710 => wire.borrow_mut().segments_cut = 0,
            _ => {}
        }
        MockDriver::get().advance(Duration::from_millis(1));
        wire.borrow_mut().tick();
    }
    (wire.borrow().segments_cut, guard.counters())
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
fn a_program_reads_the_counters_and_tells_which_address_is_gone() {
    let _clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let (segments, counters) = sent_from_lost_address(false);
    assert_ne!(segments, 0, "nobody has told the guard");
    assert_ne!(counters.tail_loss_probes, 0);
    assert_eq!(sent_from_lost_address(true).0, 0);
}

#[test]
fn what_gets_stuck_without_the_guard_does_not_with_it_and_losses_cost_less_time() {
    let _clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
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
