//! Where files are stored: one file, devices, FIFOs, and directories that are full or not writable.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::common::{
    FILE_PEER_PY, Process, Pty, TCP_PEER_PY, hosttap, hosttap_command, in_namespace, run_file_peer,
    sh,
};

#[test]
fn one_file_is_replaced_by_each_complete_file() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (
        directory.path().join("target"),
        directory.path().join("link"),
    );
    fs::write(&target, "old").unwrap();
    symlink("target", &link).unwrap();
    let receiver = hosttap(&["recv", "-o", link.to_str().unwrap()]);
    receiver.wait_for_stderr("Listening on");
    let look = "look = lambda: open(sys.argv[1]).read()\n";
    let script = "
say(send_checked(b'first', 'a'), look())
say(send_checked(b'second', 'a', upto=3), look())
say(send_plain(b'secon', announced=6), look())
say(send_checked(b'second', 'a', digest=b'd' * 32), look())
say(send_checked(b'second', 'a'), look())
say(send_plain(b'third'), look())";
    let output = run_file_peer(&format!("{look}{script}"), &[target.to_str().unwrap()]);
    assert_eq!(
        output,
        "[('answer', 0, 0), ('receipt', 0, 5)] first\n\
         [('answer', 0, 0)] first\n\
         reset first\n\
         [('answer', 0, 0), ('receipt', 5, 0)] first\n\
         [('answer', 0, 0), ('receipt', 0, 6)] second\n\
         fin third\n"
    );
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    drop(receiver);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_full_device_is_a_storage_failure() {
    in_namespace!();
    let receiver = hosttap(&["recv", "-o", "/dev/full", "--once"]);
    receiver.wait_for_stderr("Listening on");
    assert_eq!(
        run_file_peer("say(send_checked(b'1', 'a'))", &[]),
        "[('answer', 0, 0), ('receipt', 4, 0)]\n"
    );
    let exited = receiver.finish();
    assert_eq!(exited.code, Some(23));
    let stderr = exited.stderr();
    let said = "hosttap: /dev/full is no regular file: it is written as the bytes come\n";
    assert!(stderr.starts_with(said), "{stderr}");
    assert!(stderr.contains("No space left on device"), "{stderr}");
}

#[test]
fn a_fifo_gets_each_file_and_its_end() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    sh(&format!("mkfifo {}", fifo.display()));
    let receiver = hosttap(&["recv", "-o", fifo.to_str().unwrap()]);
    // The receiver opens the FIFO before it listens, so it waits for a reader.
    let script = "import threading
def read(got):
    with open(sys.argv[1], 'rb') as fifo:
        # Longer than the receiver may be silent.
        time.sleep(2.5)
        got.append(fifo.read())
for number in range(2):
    data, got, signs_of_life = pattern(1 << 20, number), [], 0
    reader = threading.Thread(target=read, args=(got,))
    reader.start()
    replies = send_checked(data, 'a')
    reader.join()
    say(replies, got[0] == data, signs_of_life > 0)";
    let output = run_file_peer(script, &[fifo.to_str().unwrap()]);
    let line = "[('answer', 0, 0), ('receipt', 0, 1048576)] True True\n";
    assert_eq!(output, [line, line].concat());
    drop(receiver);
}

#[test]
fn a_path_where_no_file_can_be_stored_is_an_error_before_listening() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let (file, directory) = (file.to_str().unwrap(), directory.path().to_str().unwrap());
    let missing = format!("{directory}/no/such");
    for (arguments, words) in [
        (["--dir", file], "Not a directory"),
        (["--dir", &missing], "No such file"),
        (["-o", directory], "Is a directory"),
        (["-o", &missing], "No such file"),
    ] {
        let exited = hosttap(&[&["recv"], &arguments[..]].concat()).finish();
        assert_eq!(exited.code, Some(23), "{arguments:?}: {}", exited.stderr());
        assert!(exited.stderr().contains(words), "{}", exited.stderr());
    }
    // For root, only the attempt shows that no file can be created in /sys.
    let exited = hosttap(&["recv", "--dir", "/sys"]).finish();
    assert_eq!(exited.code, Some(23), "{}", exited.stderr());
}

#[test]
fn a_disk_that_fills_up_fails_the_transfer_and_keeps_the_partial_file() {
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    let incoming = directory.path().join("in");
    let path = incoming.to_str().unwrap();
    let script = format!(
        "{TCP_PEER_PY}
{FILE_PEER_PY}
data = pattern(3 << 20)
connection = connect()
connection.sendall(offer(data, 'a'))
say(read_reply(connection))
connection.sendall(data[:1 << 20])
wait_until_acknowledged(connection)
time.sleep(0.2)
open(sys.argv[1] + '/other', 'wb').write(bytes(5 << 19))
try:
    connection.sendall(data[1 << 20:])
except OSError:
    pass
[_, status, stored] = read_reply(connection)
say(status, 1 << 20 <= stored < 3 << 20)
os.remove(sys.argv[1] + '/other')
replies = send_checked(data, 'a')
say(replies[0][2] == stored, replies[1:], open(sys.argv[1] + '/a', 'rb').read() == data)
say(send_checked(bytes(5 << 20), 'b'))
"
    );
    let program = incoming.with_extension("py");
    fs::write(&program, script).unwrap();
    // A small file system that disappears with the shell.
    let output = sh(&format!(
        "mkdir {path}; unshare --mount sh -e -c '
        mount -t tmpfs -o size=4m none {path}
        $hosttap recv --dir {path} 2>{path}.err & receiver=$!
        until grep -qs Listening {path}.err; do kill -0 $receiver; sleep 0.02; done
        python3 -u {} {path} || {{ kill $receiver; cat {path}.err; exit 1; }}
        kill $receiver'",
        program.display()
    ));
    let stderr = fs::read_to_string(incoming.with_extension("err")).unwrap();
    assert_eq!(
        output,
        "(b'TWA\\x81', 0, 0)\n4 True\nTrue [('receipt', 0, 3145728)] True\n[('answer', 1, 0)]\n",
        "{stderr}"
    );
}

#[test]
fn a_dash_as_output_file_is_stdout() {
    in_namespace!();
    let receiver = hosttap(&["recv", "-o", "-"]);
    receiver.wait_for_stderr("Listening on");
    run_file_peer("send_checked(b'first', 'a'); send_plain(b'second')", &[]);
    receiver.wait_for_stdout("firstsecond");
    receiver.wait_for_stderr("stored as stdout");
    receiver.interrupt();
    assert_eq!(receiver.finish().stdout(), "firstsecond");
}

#[test]
fn a_terminal_as_output_file_gets_no_binary_data() {
    in_namespace!();
    let pty = Pty::open();
    let mut command = hosttap_command(&["recv", "-o", "-", "--once"]);
    let receiver = Process::start_with(&mut command, pty.as_stdio(), Stdio::piped());
    receiver.wait_for_stderr("Listening on");
    let output = run_file_peer("say(send_checked(b'\\x7fELF\\0', 'a'))", &[]);
    assert_eq!(output, "[('answer', 0, 0), ('receipt', 4, 0)]\n");
    let exited = receiver.finish();
    assert_eq!(exited.code, Some(23), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("binary data"),
        "{}",
        exited.stderr()
    );
    assert_eq!(pty.finish(), "");
}
