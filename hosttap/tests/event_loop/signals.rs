//! A signal ends a wait whenever it arrives, and a second one ends the program.

use std::any::type_name_of_val;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use hosttap::system::clock::Clock;
use hosttap::system::signals::Signals;
use hosttap::system::wait::{Interest, Ready, wait};
use rustix::process::{Signal, getpid, kill_process};

use crate::common::namespace::{is_inside, start_inside};
use crate::common::{Process, WAIT_MAX, in_namespace, killed_with_test};

/// Waits without a deadline for a descriptor that is never ready.
fn wait_for_signal(signals: &Signals) -> Ready {
    let (silent, _other) = UnixStream::pair().unwrap();
    let interest = Interest {
        link: None,
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
        program.wait_for_stdout("waiting");
        program.interrupt();
        program.wait_for_stdout("stuck in the cleanup");
        program.interrupt();
        assert_eq!(program.finish().code, Some(130));
        return;
    }
    let signals = Signals::install().unwrap();
    println!("waiting");
    assert!(wait_for_signal(&signals).interrupted);
    println!("stuck in the cleanup");
    std::thread::sleep(WAIT_MAX);
}

/// Starts `hosttap echo` with a signal ignored, as nohup and shells do it.
fn start_ignoring(signal: &str) -> Process {
    let mut command = killed_with_test("sh");
    let script = format!(
        "trap '' {signal}; exec {} echo",
        env!("CARGO_BIN_EXE_hosttap")
    );
    let server = Process::start(command.args(["-c", &script]));
    server.wait_for_stderr("Listening");
    server
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored_and_others_end_the_program() {
    in_namespace!();
    for (name, ignored) in [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("TERM", Signal::TERM),
    ] {
        for ending in [Signal::HUP, Signal::INT, Signal::TERM] {
            if ending == ignored {
                continue;
            }
            let server = start_ignoring(name);
            server.signal(ignored);
            // Both would end it at once, and the second without a word.
            server.signal(ignored);
            server.signal(ending);
            let exited = server.finish();
            assert_eq!(exited.code, Some(130), "{name}: {}", exited.stderr());
            assert!(
                exited.stderr().contains("interrupted"),
                "{name}: {}",
                exited.stderr()
            );
        }
    }
}
