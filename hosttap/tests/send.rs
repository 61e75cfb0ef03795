//! `send` to receivers over the kernel's sockets.

mod refusals;
mod retry;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;

use crate::common::{HOST, Pty, Running, hosttap, inside, mortal, noise, sh};
use crate::peers::{SECONDS_MAX, finished, start_peer};

/// A folder with a file `file` of so many bytes.
fn file(length: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, noise(length)).unwrap();
    (folder, path)
}

/// Starts `hosttap send` of `path` with these options.
fn send(path: &Path, options: &[&str]) -> Running {
    hosttap(&[&["send", HOST, path.to_str().unwrap()], options].concat())
}

/// Starts a python receiver that can read `path`, and waits until it listens.
fn receiver(script: &str, path: &Path) -> Running {
    let script = format!("PATH = sys.argv[1]\nlistener = listen()\n{script}");
    let receiver = start_peer(&script, &[path.to_str().unwrap()]);
    receiver.wait_for_stdout("listening", SECONDS_MAX);
    receiver
}

/// Takes one file and compares it.
const TAKE: &str = "
def take():
    connection, _ = listener.accept()
    with connection:
        length, digest, name = read_offer(connection)
        if digest:
            connection.sendall(answer(FINE, 0))
        data = exactly(connection, length)
        if digest:
            assert hashlib.sha256(data).digest() == digest
            connection.sendall(receipt(FINE, length))
        assert connection.recv(1) == b'', 'surplus'
        say(length, name, data == open(PATH, 'rb').read())
";

#[test]
fn files_of_every_size_are_sent_whole_in_both_forms() {
    if !inside("send::files_of_every_size_are_sent_whole_in_both_forms") {
        return;
    }
    for (length, options) in [(0, [""; 0].as_slice()), (1, &[]), (16_384, &[])]
        .into_iter()
        .flat_map(|(length, checked)| [(length, checked), (length, &["--plain"][..])])
    {
        let (_folder, path) = file(length);
        let receiver = receiver(&format!("{TAKE}take()"), &path);
        let ended = send(&path, options).finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr());
        let name = if options.is_empty() { "file" } else { "None" };
        assert_eq!(
            finished(receiver),
            format!("listening\n{length} {name} True\n")
        );
        let told = format!(
            "hosttap: 'file'{}",
            if options.is_empty() {
                " is stored: "
            } else {
                ": "
            }
        );
        assert!(ended.stderr().starts_with(&told), "{}", ended.stderr());
    }
}

#[test]
fn a_large_file_is_sent_whole_in_the_checked_form() {
    if !inside("send::a_large_file_is_sent_whole_in_the_checked_form") {
        return;
    }
    let (_folder, path) = file(64 << 20);
    let receiver = receiver(&format!("{TAKE}take()"), &path);
    let ended = send(&path, &[]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert_eq!(finished(receiver), "listening\n67108864 file True\n");
}

#[test]
fn a_large_file_is_sent_whole_in_the_plain_form_to_netcat() {
    if !inside("send::a_large_file_is_sent_whole_in_the_plain_form_to_netcat") {
        return;
    }
    let (folder, path) = file(64 << 20);
    let got = folder.path().join("got");
    let netcat = Running::start(mortal("sh").args([
        "-c",
        &format!("exec nc -nlv {HOST} 2001 > {}", got.display()),
    ]));
    netcat.wait_for_stderr("Listening", SECONDS_MAX);
    let ended = send(&path, &["--plain"]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert_eq!(netcat.finish(SECONDS_MAX).code, Some(0));
    let (sent, got) = (fs::read(path).unwrap(), fs::read(got).unwrap());
    let (word, got) = got.split_at(4);
    assert_eq!(word, [0, 0, 0, 4]);
    assert!(sent == got, "the bytes differ");
}

#[test]
fn a_terminal_shows_progress() {
    if !inside("send::a_terminal_shows_progress") {
        return;
    }
    let (_folder, path) = file(4 << 20);
    // The pause is longer than the time between two drawings.
    let receiver = receiver(
        "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer(FINE, 0))
exactly(connection, 1 << 20)
time.sleep(0.3)
exactly(connection, 3 << 20)
connection.sendall(receipt(FINE, 4 << 20))
say(connection.recv(1))",
        &path,
    );
    let pty = Pty::open();
    let mut command = mortal(env!("CARGO_BIN_EXE_hosttap"));
    command.args(["send", HOST]).arg(&path);
    let sender = Running::start_with(&mut command, Stdio::piped(), pty.as_stdio());
    assert_eq!(sender.finish(SECONDS_MAX).code, Some(0));
    let shown = pty.end();
    assert!(shown.contains("MiB/4.00 MiB"), "{shown}");
    assert!(
        shown.contains("hosttap: 'file' is stored: 4194304 bytes in "),
        "{shown}"
    );
    assert_eq!(finished(receiver), "listening\nb''\n");
}

#[test]
fn only_what_the_receiver_lacks_is_sent() {
    if !inside("send::only_what_the_receiver_lacks_is_sent") {
        return;
    }
    let (_folder, path) = file(100_000);
    let script = "
for offset in (60000, 100000):
    connection, _ = listener.accept()
    length, digest, name = read_offer(connection)
    connection.sendall(answer(WORKING, 0) + answer(WORKING, 0) + answer(FINE, offset))
    data = exactly(connection, length - offset)
    connection.sendall(receipt(WORKING, 0) + receipt(FINE, length))
    say(data == open(PATH, 'rb').read()[offset:], connection.recv(1))";
    let receiver = receiver(script, &path);
    for offset in [60_000, 100_000] {
        let ended = send(&path, &[]).finish(SECONDS_MAX);
        let stderr = ended.stderr();
        assert_eq!(ended.code, Some(0), "{stderr}");
        let told = format!("the receiver has {offset} bytes already");
        assert!(stderr.contains(&told), "{stderr}");
        let sent = format!("{} bytes in", 100_000 - offset);
        assert!(stderr.contains(&sent), "{stderr}");
    }
    assert_eq!(finished(receiver), "listening\nTrue b''\nTrue b''\n");
}

/// Starts `hosttap recv` on tap1 as 192.168.70.1; the kernel routes between the two.
fn receiver_behind_router(folder: &Path) -> Running {
    let fixed = ["recv", "-i", "tap1", "--address", "192.168.70.1/24"];
    let folder = folder.to_str().unwrap();
    let route = ["--gateway", "192.168.70.100", "--dir", folder];
    let receiver = hosttap(&[&fixed[..], &route].concat());
    receiver.wait_for_stderr("Listening on", SECONDS_MAX);
    receiver
}

/// Makes tap1, and a router of the kernel.
fn make_router() {
    sh("ip tuntap add dev tap1 mode tap; ip addr add 192.168.70.100/24 dev tap1; ip link set tap1 up
        echo 1 > /proc/sys/net/ipv4/ip_forward");
}

#[test]
fn a_file_from_one_hosttap_arrives_at_another() {
    if !inside("send::a_file_from_one_hosttap_arrives_at_another") {
        return;
    }
    make_router();
    let (folder, path) = file(1 << 20);
    let incoming = folder.path().join("in");
    let receiver = receiver_behind_router(&incoming);
    let path = path.to_str().unwrap();
    for options in [&[][..], &["--plain"], &[]] {
        let fixed = ["send", "192.168.70.1", path, "--gateway", HOST];
        let ended = hosttap(&[&fixed, options].concat()).finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    }
    let mut stored = 0;
    for entry in fs::read_dir(&incoming).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(".tickwire-finished") {
            assert!(fs::read(&path).unwrap() == noise(1 << 20), "{path:?}");
            stored += 1;
        }
    }
    // The third is a repeat of the first.
    assert_eq!(stored, 2);
    receiver.wait_for_stderr("has sent 'file' before", SECONDS_MAX);
}

#[test]
fn a_retry_outlives_a_receiver_that_is_killed() {
    if !inside("send::a_retry_outlives_a_receiver_that_is_killed") {
        return;
    }
    make_router();
    let (folder, path) = file(16 << 20);
    // When this test is not given time in the middle of the transfer, the kill comes too late, and says nothing.
    let mut said = String::new();
    for number in 0..10 {
        let incoming = folder.path().join(format!("in{number}"));
        said = send_over_a_kill(&path, &incoming);
        assert!(fs::read(incoming.join("file")).unwrap() == noise(16 << 20));
        if said.contains("next try in") {
            break;
        }
    }
    assert!(said.contains("bytes already"), "{said}");
}

/// Sends `path` with `--retry` to a receiver that is killed as soon as it has something, and started again.
fn send_over_a_kill(path: &Path, incoming: &Path) -> String {
    let receiver = receiver_behind_router(incoming);
    let fixed = ["send", "192.168.70.1", path.to_str().unwrap(), "--retry"];
    let sender = hosttap(&[&fixed[..], &["--gateway", HOST, "--idle-timeout", "1"]].concat());
    let held = || {
        let names = fs::read_dir(incoming).unwrap().map(Result::unwrap);
        let mut held = names.map(|entry| entry.metadata().map_or(0, |found| found.len()));
        held.any(|bytes| bytes > 100_000)
    };
    while !held() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    drop(receiver);
    let receiver = receiver_behind_router(incoming);
    let ended = sender.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    drop(receiver);
    ended.stderr()
}

#[test]
fn what_cannot_be_sent_is_known_before_anybody_is_called() {
    if !inside("send::what_cannot_be_sent_is_known_before_anybody_is_called") {
        return;
    }
    let (folder, path) = file(1);
    let large = folder.path().join("large");
    File::create(&large).unwrap().set_len(1 << 31).unwrap();
    sh(&format!("mkfifo {}/fifo", folder.path().display()));
    let listener = std::net::TcpListener::bind((HOST, 2001)).unwrap();
    for (name, options, code, words) in [
        ("large", &["--plain"][..], 63, "2 GiB"),
        ("missing", &[], 26, "No such file"),
        (".", &[], 26, "not a regular file"),
        ("fifo", &[], 26, "not a regular file"),
    ] {
        let ended = send(&folder.path().join(name), options).finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(code), "{name}: {}", ended.stderr());
        assert!(ended.stderr().contains(words), "{name}: {}", ended.stderr());
    }
    let path = path.to_str().unwrap();
    let ended = hosttap(&["send", "printer.local", path]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(6), "{}", ended.stderr());
    let ended = hosttap(&["send", "192.168.69.1", path]).finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr());
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody called");
}
