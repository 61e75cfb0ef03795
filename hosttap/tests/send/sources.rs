//! What can be sent: several files, folders, stdin, pipes, and files whose size is not true.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::{RECEIVE_PY, create_file, start_receiver, start_send};
use crate::common::{
    KERNEL_ADDRESS, Process, RecvProgram, create_tap, hosttap, hosttap_command, in_namespace, sh,
    start_file_peer,
};

/// Receives this number of files, and prints name and content of each.
fn start_receiver_of(count: usize) -> Process {
    let script = format!(
        "listener = listen()
for _ in range({count}):
    connection = accept(listener)
    length, digest, name = read_offer(connection)
    if digest: connection.sendall(answer(FINE, 0))
    data = read_exactly(connection, length)
    say(name, data)
    if digest: connection.sendall(receipt(FINE, length))
    read_until_closed(connection)
    connection.close()"
    );
    let receiver = start_file_peer(&script, &[]);
    receiver.wait_for_stdout("listening");
    receiver
}

/// Runs `send` in a directory, with a shell before it.
fn send_in(directory: &Path, before: &str, arguments: &str) -> String {
    sh(&format!(
        "exec 2>&1; cd {}; {before} $hosttap send -q {KERNEL_ADDRESS} {arguments} || echo code $?",
        directory.display()
    ))
}

#[test]
fn several_files_and_the_files_of_a_folder_are_sent_in_order() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir_all(path.join("folder/inner")).unwrap();
    for name in ["last", "folder/b", "folder/a", "folder/inner/no"] {
        fs::write(path.join(name), name).unwrap();
    }
    std::os::unix::fs::symlink("b", path.join("folder/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", path.join("folder/dangling")).unwrap();
    let receiver = start_receiver_of(4);
    assert_eq!(send_in(path, "", "folder last"), "");
    assert_eq!(
        receiver.expect_success(),
        "listening\na b'folder/a'\nb b'folder/b'\nlink b'folder/b'\nlast b'last'\n"
    );
    fs::create_dir(path.join("empty")).unwrap();
    let printed = send_in(path, "", "empty last");
    assert_eq!(
        printed,
        "hosttap: empty: there are no files in this folder\ncode 26\n"
    );
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_sent() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::write(directory.path().join(name), name).unwrap();
    }
    for (before, arguments, error) in [
        ("", "a missing b", "missing: No such file or directory"),
        ("", "missing a b", "missing: No such file or directory"),
        (
            "printf four |",
            "a --length 5 - b",
            "stdin has 4 bytes, not the 5 of --length",
        ),
    ] {
        let receiver = start_receiver_of(2);
        let printed = send_in(directory.path(), before, arguments);
        assert_eq!(printed, format!("hosttap: {error}\ncode 26\n"));
        assert_eq!(receiver.expect_success(), "listening\na b'a'\nb b'b'\n");
    }
    // What every file would meet ends the command.
    let printed = send_in(directory.path(), "", "a b");
    assert_eq!(
        printed.matches("the connection was refused").count(),
        1,
        "{printed}"
    );
    assert!(printed.ends_with("code 7\n"), "{printed}");
}

#[test]
fn stdin_is_sent_to_its_end_in_both_forms() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    for (arguments, received) in [("-", "stdin b'one two'"), ("- --plain", "None b'one two'")] {
        let receiver = start_receiver_of(1);
        let before = "(printf 'one '; sleep 0.3; printf two) |";
        assert_eq!(send_in(directory.path(), before, arguments), "");
        let printed = receiver.expect_success();
        assert_eq!(printed, format!("listening\n{received}\n"));
    }
}

#[test]
fn stdin_with_another_length_than_announced_is_not_sent() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    for length in [6, 8] {
        let printed = send_in(
            directory.path(),
            "printf 'one two' |",
            &format!("- --length {length}"),
        );
        let wanted = format!("hosttap: stdin has 7 bytes, not the {length} of --length\ncode 26\n");
        assert_eq!(printed, wanted);
    }
    let receiver = start_receiver_of(1);
    assert_eq!(
        send_in(directory.path(), "printf 'one two' |", "- --length 7"),
        ""
    );
    receiver.expect_success();
}

#[test]
fn stdin_is_sent_once_and_its_length_is_not_that_of_files() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "a").unwrap();
    for (arguments, words) in [
        ("- a -", "stdin can be sent only once"),
        ("a --length 1", "--length is that of stdin"),
    ] {
        let printed = send_in(directory.path(), "printf x |", arguments);
        assert!(printed.contains(words), "{printed}");
        assert!(printed.ends_with("code 2\n"), "{printed}");
    }
}

#[test]
fn a_closed_stdin_is_an_error_and_no_empty_file() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let printed = send_in(directory.path(), "", "- <&-");
    assert_eq!(printed, "hosttap: stdin: Bad file descriptor\ncode 26\n");
}

#[test]
fn stdin_that_is_not_blocking_is_waited_for() {
    in_namespace!();
    let receiver = start_receiver_of(1);
    let script = "import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)
p = subprocess.Popen(sys.argv[1:], stdin=r)
os.close(r)
time.sleep(0.5)
os.write(w, b'late')
os.close(w)
print(p.wait())";
    let program = env!("CARGO_BIN_EXE_hosttap");
    let arguments = [program, "send", "-q", KERNEL_ADDRESS, "-"];
    let output = crate::common::start_python(script, &arguments).expect_success();
    assert_eq!(output, "0\n");
    assert_eq!(receiver.expect_success(), "listening\nstdin b'late'\n");
}

#[test]
fn a_signal_ends_the_wait_for_stdin() {
    in_namespace!();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut command = hosttap_command(&["send", KERNEL_ADDRESS, "-"]);
        let sender = Process::start_with(&mut command, Stdio::piped(), Stdio::piped());
        // SIGHUP, the lowest bit, is the last of the signals for which it makes itself ready.
        sh(&format!(
            "for _ in $(seq 500); do
                 grep -q '^SigCgt:.*[13579bdf]$' /proc/{}/status && break
                 sleep 0.02
             done",
            sender.id()
        ));
        sender.signal(signal);
        let exited = sender.finish_with_open_stdin();
        assert_eq!(exited.code, Some(130), "{signal:?}");
    }
}

#[test]
fn files_of_proc_and_sys_and_pipes_are_sent_whole() {
    in_namespace!();
    for path in [
        "/proc/version",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ] {
        let path = Path::new(path);
        if !path.exists() {
            continue;
        }
        for options in [&[][..], &["--plain"]] {
            let receiver = start_receiver(&format!("{RECEIVE_PY}receive()"), path);
            let exited = start_send(path, options).finish();
            assert_eq!(exited.code, Some(0), "{}", exited.stderr());
            let received = receiver.expect_success();
            assert!(received.ends_with(" True\n"), "{received}");
        }
    }
    let receiver = start_receiver_of(1);
    let output = sh(&format!(
        "bash -c '$hosttap send -q {KERNEL_ADDRESS} <(printf \"from a pipe\")'"
    ));
    assert_eq!(output, "");
    let received = receiver.expect_success();
    assert!(received.ends_with(" b'from a pipe'\n"), "{received}");
}

#[test]
fn a_file_that_grows_or_shrinks_meanwhile_is_never_reported_as_sent() {
    in_namespace!();
    for change in [
        "open(PATH, 'ab').write(b'more')",
        "os.truncate(PATH, 1 << 20)",
    ] {
        for options in [&[][..], &["--plain"]] {
            let (_directory, path) = create_file(8 << 20);
            let script = format!(
                "connection = accept(listener)
length, digest, name = read_offer(connection)
if digest: connection.sendall(answer(FINE, 0))
read_exactly(connection, 1 << 19)
{change}
read_until_closed(connection)"
            );
            let receiver = start_receiver(&script, &path);
            let exited = start_send(&path, options).finish();
            assert_eq!(
                exited.code,
                Some(26),
                "{change} {options:?}: {}",
                exited.stderr()
            );
            receiver.expect_success();
        }
    }
}

#[test]
fn a_busy_receiver_is_waited_for_and_a_refusal_says_that_it_may_be_busy() {
    in_namespace!();
    create_tap("tap1", 70);
    sh("sysctl -qw net.ipv4.ip_forward=1");
    let receiver = RecvProgram::start(&["--gateway", KERNEL_ADDRESS]);
    let (_directory, path) = create_file(1_000);
    let path = path.to_str().unwrap();
    // The first sender holds the receiver for a while.
    let holder = start_file_peer(
        "connection = connect()
connection.sendall(offer(b'12', 'held'))
read_reply(connection)
say('held')
sys.stdin.readline()
connection.sendall(b'12')
say(read_reply(connection)[1])",
        &[],
    );
    holder.wait_for_stdout("held");
    let link = [
        "--tap",
        "tap1",
        "--address",
        "192.168.70.1/24",
        "--gateway",
        "192.168.70.100",
    ];
    let send = ["send", "192.168.69.1", path];
    let exited = hosttap(&[&link[..], &send].concat()).finish();
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("busy with another sender"),
        "{}",
        exited.stderr()
    );
    let sender = hosttap(&[&link[..], &send, &["--retry"]].concat());
    sender.wait_for_stderr("refused; next try in 2 s");
    let mut holder = holder;
    holder.write_stdin("\n");
    assert_eq!(holder.expect_success(), "held\n0\n");
    let exited = sender.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(receiver.files(), ["file", "held"]);
}
