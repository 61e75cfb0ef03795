//! Ctrl-C ends a wait whenever it comes, and a second one ends the program.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hosttap::system::clock::Clock;
use hosttap::system::signals::Signals;
use hosttap::system::wait::{Interest, wait};
use rustix::process::{Signal, getpid, kill_process};

use crate::common::Namespace;

#[test]
fn a_signal_between_looking_and_waiting_is_not_lost() {
    if !Namespace::is_inside() {
        let Some(namespace) = Namespace::new() else {
            return;
        };
        return namespace.run_again(
            "signals::a_signal_between_looking_and_waiting_is_not_lost",
            60,
        );
    }
    let (clock, signals) = (Clock::start(), Signals::install().unwrap());
    let (quiet, _other) = UnixStream::pair().unwrap();
    let interest = Interest {
        tap: quiet.as_fd(),
        input: None,
        output: None,
    };
    assert!(!signals.received());
    kill_process(getpid(), Signal::TERM).unwrap();
    // Without a deadline a lost signal would wait for ever; once it came, every wait ends.
    for _ in 0..2 {
        let ready = wait(&clock, &signals, interest, None).unwrap();
        assert!(ready.interrupted && !ready.tap);
    }
}

#[test]
fn the_first_signal_ends_a_wait_and_the_second_the_program() {
    if !Namespace::is_inside() {
        let Some(namespace) = Namespace::new() else {
            return;
        };
        let name = "signals::the_first_signal_ends_a_wait_and_the_second_the_program";
        let program = namespace.start_again(name);
        program.wait_for_stdout("waiting", 10);
        program.interrupt();
        program.wait_for_stdout("stuck in cleaning up", 10);
        program.interrupt();
        assert_eq!(program.finish(10).code, Some(130));
        return;
    }
    let (clock, signals) = (Clock::start(), Signals::install().unwrap());
    let (quiet, _other) = UnixStream::pair().unwrap();
    let interest = Interest {
        tap: quiet.as_fd(),
        input: None,
        output: None,
    };
    println!("waiting");
    let ready = wait(&clock, &signals, interest, None).unwrap();
    assert!(ready.interrupted);
    println!("stuck in cleaning up");
    std::thread::sleep(Duration::from_secs(30));
}
