//! A signal ends a wait whenever it arrives, and a second one ends the program.

use std::any::type_name_of_val;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hosttap::system::clock::Clock;
use hosttap::system::signals::Signals;
use hosttap::system::wait::{Interest, Ready, wait};
use rustix::process::{Signal, getpid, kill_process};

use crate::common::in_namespace;
use crate::common::namespace::{is_inside, start_inside};

/// Waits without a deadline for a descriptor that is never ready.
fn wait_for_signal(signals: &Signals) -> Ready {
    let (silent, _other) = UnixStream::pair().unwrap();
    let interest = Interest {
        tap: silent.as_fd(),
        input: None,
        output: None,
    };
    wait(&Clock::start(), signals, interest, None).unwrap()
}

#[test]
fn a_signal_between_the_check_and_the_wait_is_not_lost() {
    in_namespace!();
    let signals = Signals::install().unwrap();
    assert!(!signals.received());
    kill_process(getpid(), Signal::TERM).unwrap();
    // Without a deadline, a lost signal would block forever. After a signal, every wait ends.
    for _ in 0..2 {
        let ready = wait_for_signal(&signals);
        assert!(ready.interrupted && !ready.tap);
    }
}

#[test]
fn the_first_signal_ends_a_wait_and_the_second_one_the_program() {
    if !is_inside() {
        let Some((_namespace, program)) = start_inside(type_name_of_val(&|| {})) else {
            return;
        };
        program.wait_for_stdout("waiting", 10);
        program.interrupt();
        program.wait_for_stdout("stuck in the cleanup", 10);
        program.interrupt();
        assert_eq!(program.finish(10).code, Some(130));
        return;
    }
    let signals = Signals::install().unwrap();
    println!("waiting");
    assert!(wait_for_signal(&signals).interrupted);
    println!("stuck in the cleanup");
    std::thread::sleep(Duration::from_secs(30));
}
