//! Where files go: one file, devices, pipes, and places that take nothing or fill up.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{Access, access};

use crate::common::{hosttap, inside, sh};
use crate::peers::{SECONDS_MAX, peer};

#[test]
fn one_file_is_replaced_whole_by_each_that_comes() {
    if !inside("recv::storage::one_file_is_replaced_whole_by_each_that_comes") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "old").unwrap();
    symlink("target", &link).unwrap();
    let receiver = hosttap(&["recv", "-o", link.to_str().unwrap()]);
    receiver.wait_for_stderr("Listening on", SECONDS_MAX);
    let look = "look = lambda: open(sys.argv[1]).read()\n";
    let script = "
say(send_checked(b'first', 'a'), look())
say(send_checked(b'second', 'a', upto=3), look())
say(send_plain(b'secon', announced=6), look())
say(send_checked(b'second', 'a', digest=b'd' * 32), look())
say(send_checked(b'second', 'a'), look())
say(send_plain(b'third'), look())";
    let said = peer(&format!("{look}{script}"), &[target.to_str().unwrap()]);
    assert_eq!(
        said,
        "[('answer', 0, 0), ('receipt', 0, 5)] first\n\
         [('answer', 0, 0)] first\n\
         reset first\n\
         [('answer', 0, 0), ('receipt', 5, 0)] first\n\
         [('answer', 0, 0), ('receipt', 0, 6)] second\n\
         fin third\n"
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drop(receiver);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_full_device_is_a_storage_failure() {
    if !inside("recv::storage::a_full_device_is_a_storage_failure") {
        return;
    }
    let receiver = hosttap(&["recv", "-o", "/dev/full", "--once"]);
    receiver.wait_for_stderr("Listening on", SECONDS_MAX);
    assert_eq!(
        peer("say(send_checked(b'1', 'a'))", &[]),
        "[('answer', 0, 0), ('receipt', 4, 0)]\n"
    );
    let ended = receiver.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(23));
    assert!(
        ended.stderr().contains("No space left on device"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn a_pipe_gets_each_file_and_its_end() {
    if !inside("recv::storage::a_pipe_gets_each_file_and_its_end") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    sh(&format!("mkfifo {}", fifo.display()));
    let receiver = hosttap(&["recv", "-o", fifo.to_str().unwrap()]);
    // It opens the pipe before it listens, and so waits for a reader.
    let script = "import threading
def read(got):
    with open(sys.argv[1], 'rb') as fifo:
        # Longer than the receiver may be without a word.
        time.sleep(2.5)
        got.append(fifo.read())
for number in range(2):
    data, got, signs_of_life = pattern(1 << 20, number), [], 0
    reader = threading.Thread(target=read, args=(got,))
    reader.start()
    said = send_checked(data, 'a')
    reader.join()
    say(said, got[0] == data, signs_of_life > 0)";
    let said = peer(script, &[fifo.to_str().unwrap()]);
    let line = "[('answer', 0, 0), ('receipt', 0, 1048576)] True True\n";
    assert_eq!(said, [line, line].concat());
    drop(receiver);
}

#[test]
fn places_that_take_no_file_are_known_before_anybody_calls() {
    if !inside("recv::storage::places_that_take_no_file_are_known_before_anybody_calls") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (file, folder) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let missing = format!("{folder}/no/such");
    for (arguments, words) in [
        (["--dir", file], "Not a directory"),
        (["--dir", &missing], "No such file"),
        (["-o", folder], "Is a directory"),
        (["-o", &missing], "No such file"),
    ] {
        let ended = hosttap(&[&["recv"], &arguments[..]].concat()).finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(23), "{arguments:?}: {}", ended.stderr());
        assert!(ended.stderr().contains(words), "{}", ended.stderr());
    }
    // Only the attempt shows that nothing can be made there; but without root's powers it is known before.
    if access("/sys", Access::WRITE_OK).is_err() {
        return;
    }
    let receiver = hosttap(&["recv", "--dir", "/sys", "--once"]);
    receiver.wait_for_stderr("Listening on", SECONDS_MAX);
    assert_eq!(
        peer("say(send_checked(b'1', 'a'))", &[]),
        "[('answer', 4, 0)]\n"
    );
    assert_eq!(receiver.finish(SECONDS_MAX).code, Some(23));
}

#[test]
fn a_disk_that_fills_up_fails_the_file_and_keeps_what_came() {
    if !inside("recv::storage::a_disk_that_fills_up_fails_the_file_and_keeps_what_came") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("in");
    let path = place.to_str().unwrap();
    let script = format!(
        "{}
data = pattern(3 << 20)
connection = dial()
connection.sendall(offer(data, 'a'))
say(reply(connection))
connection.sendall(data[:1 << 20])
wait_until_sent(connection)
time.sleep(0.2)
open(sys.argv[1] + '/other', 'wb').write(bytes(5 << 19))
try:
    connection.sendall(data[1 << 20:])
except OSError:
    pass
[_, status, stored] = reply(connection)
say(status, 1 << 20 <= stored < 3 << 20)
os.remove(sys.argv[1] + '/other')
said = send_checked(data, 'a')
say(said[0][2] == stored, said[1:], open(sys.argv[1] + '/a', 'rb').read() == data)
say(send_checked(bytes(5 << 20), 'b'))
",
        include_str!("../peers/file_peer.py")
    );
    let program = place.with_extension("py");
    fs::write(&program, script).unwrap();
    // A file system of its own, which ends with the shell.
    let said = sh(&format!(
        "mkdir {path}; unshare --mount sh -e -c '
        mount -t tmpfs -o size=4m none {path}
        $hosttap recv --dir {path} 2>{path}.err & receiver=$!
        until grep -q Listening {path}.err; do sleep 0.02; done
        python3 -u {} {path} || {{ kill $receiver; cat {path}.err; exit 1; }}
        kill $receiver'",
        program.display()
    ));
    let stderr = fs::read_to_string(place.with_extension("err")).unwrap();
    assert_eq!(
        said,
        "(b'TWA\\x81', 0, 0)\n4 True\nTrue [('receipt', 0, 3145728)] True\n[('answer', 1, 0)]\n",
        "{stderr}"
    );
}
