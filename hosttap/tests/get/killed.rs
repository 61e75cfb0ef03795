//! Whenever the program is killed, its file is whole, old or new, or absent.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;
use rustix::process::Signal;

use super::{TRANSFER_SECONDS_MAX, get};
use crate::common::{HOST, Running, Server, inside, mortal, noise, with_length};

const BODY_BYTES: usize = 256 * 1024;
/// Parts of the body after which the program is killed.
const PARTS: usize = 24;
/// Kills around the end of a small transfer, when most of the time goes into giving the file its name.
const LATE_KILLS: u32 = 60;
const SMALL_BODY_BYTES: usize = 3_000;
const SIGNALS: [Signal; 3] = [Signal::KILL, Signal::TERM, Signal::INT];

/// `get` to `folder`/file. Without /proc it cannot keep a file without a name, and takes a hidden one.
fn start(url: &str, folder: &Path, proc: bool) -> Running {
    let program = env!("CARGO_BIN_EXE_hosttap");
    let mut command = if proc {
        mortal(program)
    } else {
        let mut command = mortal("unshare");
        let script = "mount -t tmpfs none /proc && exec \"$@\"";
        command.args(["--mount", "--", "sh", "-c", script, "sh", program]);
        command
    };
    command.args(["get", url, "-o"]).arg(folder.join("file"));
    Running::start(&mut command)
}

/// A server that sends as much of the body as the path says, and tells when that has arrived; or that it sends all.
fn server(body_bytes: usize) -> (Server, Receiver<()>) {
    let (tell, arrived) = channel();
    let tell = Mutex::new(tell);
    let response = with_length(&noise(body_bytes));
    let head_bytes = response.len() - body_bytes;
    let server = Server::start(HOST, move |call| {
        let path = call.request.split(['/', ' ']).nth(2).unwrap();
        let count: usize = path.parse().unwrap();
        if count == body_bytes {
            tell.lock().unwrap().send(()).unwrap();
            call.send(&response);
            return;
        }
        call.send(&response[..head_bytes + count]);
        call.wait_until_acknowledged();
        tell.lock().unwrap().send(()).unwrap();
        call.wait_until_gone();
    });
    (server, arrived)
}

/// What stands in the folder besides the file.
fn leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "file").collect()
}

/// Checks what a program that got `signal` has left, and returns the file.
fn check(folder: &Path, signal: Signal, code: Option<i32>) -> Option<Vec<u8>> {
    let left = leftovers(folder);
    if signal == Signal::KILL {
        let hidden = |name: &String| name.starts_with(".hosttap-") && name.ends_with(".part");
        assert!(left.iter().all(hidden), "{left:?}");
    } else {
        assert!(left.is_empty(), "{left:?} after {signal:?}");
        assert!(matches!(code, Some(0 | 130)), "{code:?} after {signal:?}");
    }
    fs::read(folder.join("file")).ok()
}

fn kill_in_mid_transfer(proc: bool) {
    let (server, arrived) = server(BODY_BYTES);
    for part in 0..PARTS {
        let folder = tempfile::tempdir().unwrap();
        let old = (part % 2 == 0).then(|| b"old".to_vec());
        if let Some(old) = &old {
            fs::write(folder.path().join("file"), old).unwrap();
        }
        let url = server.url(&format!("/{}", BODY_BYTES * part / PARTS));
        let program = start(&url, folder.path(), proc);
        let limit = Duration::from_secs(TRANSFER_SECONDS_MAX);
        arrived.recv_timeout(limit).unwrap();
        let signal = SIGNALS[part % SIGNALS.len()];
        program.signal(signal);
        let code = program.finish(TRANSFER_SECONDS_MAX).code;
        assert_eq!(code, (signal != Signal::KILL).then_some(130), "part {part}");
        let file = check(folder.path(), signal, code);
        assert_eq!(file, old, "part {part}, {signal:?}");
        let hidden = !proc && signal == Signal::KILL;
        assert!(
            !hidden || leftovers(folder.path()).len() == 1,
            "part {part}"
        );
    }
}

/// Runs that get `signal` at moments spread over the end of the transfer, as long as that takes here, and a bit more.
/// Each has an old file to replace. Gives the code and the file of each to `judge`.
fn signal_around_the_end(proc: bool, signal: Signal, judge: impl Fn(Option<i32>, &[u8], &[u8])) {
    let (server, arrived) = server(SMALL_BODY_BYTES);
    let url = server.url(&format!("/{SMALL_BODY_BYTES}"));
    let new = noise(SMALL_BODY_BYTES);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let run = || {
        fs::write(&file, "old").unwrap();
        let program = start(&url, folder.path(), proc);
        let limit = Duration::from_secs(TRANSFER_SECONDS_MAX);
        arrived.recv_timeout(limit).unwrap();
        program
    };
    let program = run();
    let clock = Clock::start();
    assert_eq!(program.finish(TRANSFER_SECONDS_MAX).code, Some(0));
    let step = Duration::from_millis(clock.now().as_millis() + 1) * 3 / (2 * LATE_KILLS);
    for kill in 0..LATE_KILLS {
        let program = run();
        thread::sleep(step * kill);
        program.signal(signal);
        let code = program.finish(TRANSFER_SECONDS_MAX).code;
        let found = check(folder.path(), signal, code).unwrap();
        judge(code, &found, &new);
    }
    // The next run is at ease with what they left.
    let left = leftovers(folder.path());
    let ended = get(&[&url, "-o", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert!(fs::read(&file).unwrap() == new);
    assert_eq!(leftovers(folder.path()), left);
}

#[test]
fn a_kill_in_mid_transfer_leaves_the_file_as_it_was() {
    if !inside("get::killed::a_kill_in_mid_transfer_leaves_the_file_as_it_was") {
        return;
    }
    kill_in_mid_transfer(true);
    kill_in_mid_transfer(false);
}

#[test]
fn a_kill_at_the_end_leaves_the_old_file_or_the_new_one() {
    if !inside("get::killed::a_kill_at_the_end_leaves_the_old_file_or_the_new_one") {
        return;
    }
    for proc in [true, false] {
        signal_around_the_end(proc, Signal::KILL, |code, found, new| {
            assert!(
                found == new || (found == b"old" && code.is_none()),
                "{code:?}"
            );
        });
    }
}

#[test]
fn a_signal_at_the_end_is_success_with_the_new_file_or_130_with_the_old_one() {
    if !inside(
        "get::killed::a_signal_at_the_end_is_success_with_the_new_file_or_130_with_the_old_one",
    ) {
        return;
    }
    for proc in [true, false] {
        signal_around_the_end(proc, Signal::TERM, |code, found, new| {
            assert!(
                found == if code == Some(0) { new } else { b"old" },
                "{code:?}"
            );
        });
    }
}
