//! Whenever the program is killed, its file is complete, either old or new, or absent.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;
use rustix::process::Signal;

use super::get;
use crate::common::{
    HttpServer, KERNEL_ADDRESS, Process, WAIT_MAX, in_namespace, killed_with_test, ok_response,
    random_bytes,
};

const BODY_BYTES: usize = 256 * 1024;
/// The number of positions in the body at which the program is killed.
const KILL_POSITIONS: usize = 24;
/// The number of kills around the end of a small transfer, which mostly consists of the commit.
const LATE_KILLS: u32 = 60;
const SMALL_BODY_BYTES: usize = 3_000;
const SIGNALS: [Signal; 3] = [Signal::KILL, Signal::TERM, Signal::INT];

/// Starts `get` to `directory`/file. Without /proc it cannot use a file without a name, and uses a
/// temporary name.
fn start(url: &str, directory: &Path, with_proc: bool) -> Process {
    let program = env!("CARGO_BIN_EXE_hosttap");
    let mut command = if with_proc {
        killed_with_test(program)
    } else {
        let mut command = killed_with_test("unshare");
        let script = "mount -t tmpfs none /proc && exec \"$@\"";
        command.args(["--mount", "--", "sh", "-c", script, "sh", program]);
        command
    };
    command.args(["get", url, "-o"]).arg(directory.join("file"));
    Process::start(&mut command)
}

/// A server that sends as many bytes of the body as the path says, and reports when they have
/// arrived. Before it sends the whole body, it reports that.
fn start_server(body_bytes: usize) -> (HttpServer, Receiver<()>) {
    let (report, arrived) = channel();
    let report = Mutex::new(report);
    let response = ok_response(&random_bytes(body_bytes));
    let head_bytes = response.len() - body_bytes;
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        let path = connection.request.split(['/', ' ']).nth(2).unwrap();
        let count: usize = path.parse().unwrap();
        if count == body_bytes {
            report.lock().unwrap().send(()).unwrap();
            connection.send(&response);
            return;
        }
        connection.send(&response[..head_bytes + count]);
        connection.wait_until_acknowledged();
        report.lock().unwrap().send(()).unwrap();
        connection.wait_until_closed();
    });
    (server, arrived)
}

/// The names in the directory besides the file.
fn leftovers(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "file").collect()
}

/// Checks what a program has left after `signal`. Returns the content of the file.
fn check(directory: &Path, signal: Signal, code: Option<i32>) -> Option<Vec<u8>> {
    let left = leftovers(directory);
    if signal == Signal::KILL {
        let is_temporary = |name: &String| name.starts_with(".hosttap-") && name.ends_with(".part");
        assert!(left.iter().all(is_temporary), "{left:?}");
    } else {
        assert!(left.is_empty(), "{left:?} after {signal:?}");
        assert!(matches!(code, Some(0 | 130)), "{code:?} after {signal:?}");
    }
    fs::read(directory.join("file")).ok()
}

fn kill_during_transfer(with_proc: bool) {
    let (server, arrived) = start_server(BODY_BYTES);
    for position in 0..KILL_POSITIONS {
        let directory = tempfile::tempdir().unwrap();
        let old = (position % 2 == 0).then(|| b"old".to_vec());
        if let Some(old) = &old {
            fs::write(directory.path().join("file"), old).unwrap();
        }
        let url = server.url(&format!("/{}", BODY_BYTES * position / KILL_POSITIONS));
        let program = start(&url, directory.path(), with_proc);
        arrived.recv_timeout(WAIT_MAX).unwrap();
        let signal = SIGNALS[position % SIGNALS.len()];
        program.signal(signal);
        let code = program.finish().code;
        assert_eq!(
            code,
            (signal != Signal::KILL).then_some(130),
            "position {position}"
        );
        let file = check(directory.path(), signal, code);
        assert_eq!(file, old, "position {position}, {signal:?}");
        let leaves_temporary = !with_proc && signal == Signal::KILL;
        assert!(
            !leaves_temporary || leftovers(directory.path()).len() == 1,
            "position {position}"
        );
    }
}

/// Runs `get` many times and sends `signal` at moments spread over the end of the transfer. Each
/// run replaces an old file. `check_result` gets the exit code, the file, and the new content.
fn signal_around_the_end(
    with_proc: bool,
    signal: Signal,
    check_result: impl Fn(Option<i32>, &[u8], &[u8]),
) {
    let (server, arrived) = start_server(SMALL_BODY_BYTES);
    let url = server.url(&format!("/{SMALL_BODY_BYTES}"));
    let new = random_bytes(SMALL_BODY_BYTES);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let run = || {
        fs::write(&file, "old").unwrap();
        let program = start(&url, directory.path(), with_proc);
        arrived.recv_timeout(WAIT_MAX).unwrap();
        program
    };
    let program = run();
    let clock = Clock::start();
    assert_eq!(program.finish().code, Some(0));
    let step = Duration::from_millis(clock.now().as_millis() + 1) * 3 / (2 * LATE_KILLS);
    for kill in 0..LATE_KILLS {
        let program = run();
        thread::sleep(step * kill);
        program.signal(signal);
        let code = program.finish().code;
        let found = check(directory.path(), signal, code).unwrap();
        check_result(code, &found, &new);
    }
    // The next run succeeds in spite of what they left.
    let left = leftovers(directory.path());
    let exited = get(&[&url, "-o", file.to_str().unwrap()]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert!(fs::read(&file).unwrap() == new);
    assert_eq!(leftovers(directory.path()), left);
}

#[test]
fn a_kill_during_the_transfer_leaves_the_old_file() {
    in_namespace!();
    kill_during_transfer(true);
    kill_during_transfer(false);
}

#[test]
fn a_kill_at_the_end_leaves_the_old_file_or_the_new_one() {
    in_namespace!();
    for with_proc in [true, false] {
        signal_around_the_end(with_proc, Signal::KILL, |code, found, new| {
            assert!(
                found == new || (found == b"old" && code.is_none()),
                "{code:?}"
            );
        });
    }
}

#[test]
fn a_signal_at_the_end_exits_with_0_and_the_new_file_or_130_and_the_old_one() {
    in_namespace!();
    for with_proc in [true, false] {
        signal_around_the_end(with_proc, Signal::TERM, |code, found, new| {
            assert!(
                found == if code == Some(0) { new } else { b"old" },
                "{code:?}"
            );
        });
    }
}
