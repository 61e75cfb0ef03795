//! `recv` against senders over the kernel's sockets.

mod ends;
mod output;
mod resume;
mod storage;

use std::fs;

use crate::common::inside;
use crate::peers::{Receiver, peer};

#[test]
fn files_of_every_size_arrive_whole_in_both_forms() {
    if !inside("recv::files_of_every_size_arrive_whole_in_both_forms") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let said = peer(
        "for n in (0, 1, 16384):
            say(send_checked(pattern(n), f'{n}.bin'), send_plain(pattern(n)))",
        &[],
    );
    assert_eq!(
        said,
        "[('answer', 0, 0), ('receipt', 0, 0)] fin\n\
         [('answer', 0, 0), ('receipt', 0, 1)] fin\n\
         [('answer', 0, 0), ('receipt', 0, 16384)] fin\n"
    );
    let files = receiver.files();
    assert_eq!(files.len(), 6, "{files:?}");
    for (name, plain) in ["0.bin", "1.bin", "16384.bin"].iter().zip(&files[3..]) {
        let whole = fs::read(receiver.folder.path().join(name)).unwrap();
        assert_eq!(format!("{}.bin", whole.len()), *name);
        assert_eq!(fs::read(receiver.folder.path().join(plain)).unwrap(), whole);
        assert!(plain.starts_with("received-20"), "{plain}");
    }
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn a_large_file_arrives_whole_in_the_checked_form() {
    if !inside("recv::a_large_file_arrives_whole_in_the_checked_form") {
        return;
    }
    let receiver = Receiver::start(&["--once"]);
    let said = peer(
        "data = pattern(64 << 20)
say(send_checked(data, 'large', timeout=200), open(sys.argv[1] + '/large', 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(said, "[('answer', 0, 0), ('receipt', 0, 67108864)] True\n");
    let (ended, _folder) = receiver.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
}

#[test]
fn a_large_file_arrives_whole_in_the_plain_form() {
    if !inside("recv::a_large_file_arrives_whole_in_the_plain_form") {
        return;
    }
    let receiver = Receiver::start(&["--once"]);
    let said = peer(
        "data = pattern(64 << 20)
said = send_plain(data, timeout=200)
[name] = [name for name in os.listdir(sys.argv[1]) if name[0] != '.']
say(said, open(sys.argv[1] + '/' + name, 'rb').read() == data)",
        &[receiver.path()],
    );
    assert_eq!(said, "fin True\n");
    let (ended, _folder) = receiver.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
}

#[test]
fn netcat_can_send_a_plain_file() {
    if !inside("recv::netcat_can_send_a_plain_file") {
        return;
    }
    let receiver = Receiver::start(&["--once"]);
    crate::common::sh("printf '\\005\\000\\000\\000hello' | nc -N 192.168.69.1 2001");
    let (ended, folder) = receiver.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap();
    assert_eq!(fs::read(file.unwrap().path()).unwrap(), b"hello");
}

#[test]
fn no_name_leads_out_of_the_folder() {
    if !inside("recv::no_name_leads_out_of_the_folder") {
        return;
    }
    let receiver = Receiver::start(&[]);
    // Were it followed, or replaced, it would show.
    std::os::unix::fs::symlink("outside", receiver.folder.path().join("link.txt")).unwrap();
    let said = peer(
        "names = ['../up', '/etc/passwd', 'a\\nb\\x1b[2J', 'x' * 255, '한글 파일.txt', '.bashrc', '..', 'a/',
            'back\\\\slash', 'link.txt', '한' * 85]
for number, name in enumerate(names):
    assert send_checked(pattern(9, number), name)[-1] == ('receipt', 0, 9), name
for name in (b'\\xff\\xfe', b''):
    say(send_checked(b'x', name))",
        &[],
    );
    assert_eq!(said, "[('answer', 2, 0)]\n[('answer', 2, 0)]\n");
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
    assert!(!receiver.folder.path().join("outside").exists());
    assert_eq!(receiver.partials(), [""; 0]);
}

#[test]
fn a_second_caller_is_refused_and_the_next_one_heard() {
    if !inside("recv::a_second_caller_is_refused_and_the_next_one_heard") {
        return;
    }
    let receiver = Receiver::start(&[]);
    let said = peer(
        "first = dial()
first.sendall(offer(b'12', 'a'))
say(reply(first))
try:
    socket.create_connection((HOST, PORT), timeout=30)
except ConnectionRefusedError:
    say('refused')
first.sendall(b'12')
say(reply(first))
first.close()
say(send_checked(b'3', 'b'))",
        &[],
    );
    assert_eq!(
        said,
        "(b'TWA\\x81', 0, 0)\nrefused\n(b'TWR\\x81', 0, 2)\n[('answer', 0, 0), ('receipt', 0, 1)]\n"
    );
    assert_eq!(receiver.files(), ["a", "b"]);
}
