//! `send --retry`: until the receiver has the file.

use super::{file, receiver, send};
use crate::common::{inside, sh};
use crate::peers::{SECONDS_MAX, finished};

#[test]
fn a_retry_goes_on_where_the_receiver_stopped() {
    if !inside("send::retry::a_retry_goes_on_where_the_receiver_stopped") {
        return;
    }
    let (_folder, path) = file(1 << 20);
    // Nobody listens at first; then the transfer is reset at a third, cut at two, refused as busy, and done.
    let sender = send(&path, &["--retry"]);
    sender.wait_for_stderr("refused; next try in 0.5 s", SECONDS_MAX);
    let receiver = receiver(
        "
data, third = b'', (1 << 20) // 3
for act in ('reset', 'fin', 'busy', 'damaged', 'done'):
    connection, _ = listener.accept()
    length, digest, name = read_offer(connection)
    if act == 'busy':
        connection.sendall(answer(3, 0))
        until_end(connection)
        connection.close()
        continue
    connection.sendall(answer(FINE, len(data)))
    data += exactly(connection, length - len(data) if act in ('damaged', 'done') else third)
    if act == 'damaged':
        data = b''
        connection.sendall(receipt(5, 0))
    if act == 'done':
        connection.sendall(receipt(FINE, len(data)))
    say(act, len(data))
    if act == 'reset':
        reset(connection)
        continue
    if act == 'fin':
        connection.shutdown(socket.SHUT_WR)
    until_end(connection)
    connection.close()
say(data == open(PATH, 'rb').read())",
        &path,
    );
    let ended = sender.finish(SECONDS_MAX);
    let stderr = ended.stderr();
    assert_eq!(ended.code, Some(0), "{stderr}");
    assert_eq!(
        finished(receiver),
        "listening\nreset 349525\nfin 699050\ndamaged 0\ndone 1048576\nTrue\n"
    );
    assert!(
        stderr.contains("the receiver has 349525 bytes already"),
        "{stderr}"
    );
    assert!(
        stderr.contains("the receiver has 699050 bytes already"),
        "{stderr}"
    );
    assert!(stderr.contains("busy; next try in "), "{stderr}");
}

#[test]
fn what_another_try_cannot_mend_ends_at_once() {
    if !inside("send::retry::what_another_try_cannot_mend_ends_at_once") {
        return;
    }
    let (_folder, path) = file(1_000);
    for status in [1, 2, 4, 99] {
        let script = format!(
            "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer({status}, 0))
connection.close()"
        );
        let receiver = receiver(&script, &path);
        let ended = send(&path, &["--retry"]).finish(SECONDS_MAX);
        assert_eq!(ended.code, Some(25), "{status}: {}", ended.stderr());
        finished(receiver);
    }
}

#[test]
fn ctrl_c_ends_the_pause_between_two_tries() {
    if !inside("send::retry::ctrl_c_ends_the_pause_between_two_tries") {
        return;
    }
    let (_folder, path) = file(1_000);
    let sender = send(&path, &["--retry"]);
    sender.wait_for_stderr("next try in 2 s", SECONDS_MAX);
    sender.interrupt();
    assert_eq!(sender.finish(SECONDS_MAX).code, Some(130));
}

#[test]
fn a_transfer_survives_a_link_that_goes_down_and_comes_up() {
    if !inside("send::retry::a_transfer_survives_a_link_that_goes_down_and_comes_up") {
        return;
    }
    let (_folder, path) = file(4 << 20);
    let receiver = receiver(
        "connection, _ = listener.accept()
length, digest, name = read_offer(connection)
connection.sendall(answer(FINE, 0))
data = exactly(connection, 1 << 20)
say('begun')
sys.stdin.readline()
data += exactly(connection, length - len(data))
connection.sendall(receipt(FINE, length))
say(data == open(PATH, 'rb').read(), connection.recv(1))",
        &path,
    );
    let sender = send(&path, &[]);
    receiver.wait_for_stdout("begun", SECONDS_MAX);
    sh("ip link set tap0 down");
    let mut receiver = receiver;
    receiver.type_in("go on\n");
    std::thread::sleep(std::time::Duration::from_millis(700));
    sh("ip link set tap0 up");
    let ended = sender.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert_eq!(finished(receiver), "listening\nbegun\nTrue b''\n");
}
