//! `hosttap recv` with senders over the kernel's sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod file_systems;
mod kills;
mod output;
mod resume;
mod storage;

use std::fs;

use common::{RecvProgram, in_namespace, is_installed, run_file_peer, sh};

#[test]
fn files_of_every_size_arrive_whole_in_both_forms() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let output = run_file_peer(
        "for n in (0, 1, 16384):
            say(send_checked(pattern(n), f'{n}.bin'), send_plain(pattern(n)))",
        &[],
    );
    assert_eq!(
        output,
        "[('answer', 0, 0), ('receipt', 0, 0)] fin\n\
         [('answer', 0, 0), ('receipt', 0, 1)] fin\n\
         [('answer', 0, 0), ('receipt', 0, 16384)] fin\n"
    );
    let files = receiver.files();
    assert_eq!(files.len(), 6, "{files:?}");
    for (name, plain_name) in ["0.bin", "1.bin", "16384.bin"].iter().zip(&files[3..]) {
        let whole = fs::read(receiver.directory.path().join(name)).unwrap();
        assert_eq!(format!("{}.bin", whole.len()), *name);
        assert_eq!(
            fs::read(receiver.directory.path().join(plain_name)).unwrap(),
            whole
        );
        assert!(plain_name.starts_with("received-20"), "{plain_name}");
    }
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn a_large_file_arrives_whole_in_the_checked_form() {
    in_namespace!();
    let receiver = RecvProgram::start(&["--once"]);
    let output = run_file_peer(
        "data = pattern(64 << 20)
say(send_checked(data, 'large'), open(sys.argv[1] + '/large', 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(
        output,
        "[('answer', 0, 0), ('receipt', 0, 67108864)] True\n"
    );
    let (exited, _directory) = receiver.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn a_large_file_arrives_whole_in_the_plain_form() {
    in_namespace!();
    let receiver = RecvProgram::start(&["--once"]);
    let output = run_file_peer(
        "data = pattern(64 << 20)
result = send_plain(data)
[name] = [name for name in os.listdir(sys.argv[1]) if name[0] != '.']
say(result, open(sys.argv[1] + '/' + name, 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(output, "fin True\n");
    let (exited, _directory) = receiver.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
}

#[test]
fn netcat_can_send_a_plain_file() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    let receiver = RecvProgram::start(&["--once"]);
    sh("printf '\\005\\000\\000\\000hello' | nc -N 192.168.69.1 2001");
    let (exited, directory) = receiver.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    let file = fs::read_dir(directory.path()).unwrap().next().unwrap();
    assert_eq!(fs::read(file.unwrap().path()).unwrap(), b"hello");
}

#[test]
fn no_name_leaves_the_directory() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    // The listing below would show if this link were followed or replaced.
    std::os::unix::fs::symlink("outside", receiver.directory.path().join("link.txt")).unwrap();
    let output = run_file_peer(
        "names = ['../up', '/etc/passwd', 'a\\nb\\x1b[2J', 'x' * 255, '한글 파일.txt', '.bashrc', '..', 'a/',
            'back\\\\slash', 'link.txt', '한' * 85]
for number, name in enumerate(names):
    assert send_checked(pattern(9, number), name)[-1] == ('receipt', 0, 9), name
for name in (b'\\xff\\xfe', b''):
    say(send_checked(b'x', name))",
        &[],
    );
    assert_eq!(output, "[('answer', 2, 0)]\n[('answer', 2, 0)]\n");
    let (long, korean) = ("x".repeat(255), "한".repeat(85));
    let mut expected = [
        "__",
        "_bashrc",
        "a",
        "a_b_[2J",
        "link (1).txt",
        "link.txt",
        "passwd",
        "slash",
        "up",
        &long,
        "한글 파일.txt",
        &korean,
    ];
    expected.sort_unstable();
    assert_eq!(receiver.files(), expected);
    assert!(!receiver.directory.path().join("outside").exists());
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn a_second_sender_is_refused_and_the_next_one_served() {
    in_namespace!();
    let receiver = RecvProgram::start(&[]);
    let output = run_file_peer(
        "first = connect()
first.sendall(offer(b'12', 'a'))
say(read_reply(first))
try:
    connect_once()
except ConnectionRefusedError:
    say('refused')
first.sendall(b'12')
say(read_reply(first))
first.close()
say(send_checked(b'3', 'b'))",
        &[],
    );
    assert_eq!(
        output,
        "(b'TWA\\x81', 0, 0)\nrefused\n(b'TWR\\x81', 0, 2)\n[('answer', 0, 0), ('receipt', 0, 1)]\n"
    );
    assert_eq!(receiver.files(), ["a", "b"]);
}
