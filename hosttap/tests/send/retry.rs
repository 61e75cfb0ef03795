//! `send --retry`: until the receiver has the file.

use super::{create_file, start_receiver, start_send};
use crate::common::{in_namespace, sh};

#[test]
fn a_retry_resumes_where_the_receiver_stopped() {
    in_namespace!();
    let (_directory, path) = create_file(1 << 20);
    // At first there is no receiver. Then the transfer is reset at one third, truncated at two
    // thirds, refused as busy, damaged, and done.
    let sender = start_send(&path, &["--retry"]);
    sender.wait_for_stderr("refused; next try in 0.5 s");
    let receiver = start_receiver(
        "
data, third = b'', (1 << 20) // 3
for action in ('reset', 'fin', 'busy', 'damaged', 'done'):
    connection, _ = listener.accept()
    length, digest, name = read_offer(connection)
    if action == 'busy':
        connection.sendall(answer(3, 0))
        read_until_closed(connection)
        connection.close()
        continue
    connection.sendall(answer(FINE, len(data)))
    data += read_exactly(connection, length - len(data) if action in ('damaged', 'done') else third)
    if action == 'damaged':
        data = b''
        connection.sendall(receipt(5, 0))
    if action == 'done':
        connection.sendall(receipt(FINE, len(data)))
    say(action, len(data))
    if action == 'reset':
        reset(connection)
        continue
    if action == 'fin':
        connection.shutdown(socket.SHUT_WR)
    read_until_closed(connection)
    connection.close()
say(data == open(PATH, 'rb').read())",
        &path,
    );
    let exited = sender.finish();
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(0), "{stderr}");
    assert_eq!(
        receiver.expect_success(),
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
fn a_failure_that_a_retry_cannot_change_ends_at_once() {
    in_namespace!();
    let (_directory, path) = create_file(1_000);
    for status in [1, 2, 4, 99] {
        let script = format!(
            "connection, _ = listener.accept()
read_offer(connection)
connection.sendall(answer({status}, 0))
connection.close()"
        );
        let receiver = start_receiver(&script, &path);
        let exited = start_send(&path, &["--retry"]).finish();
        assert_eq!(exited.code, Some(25), "{status}: {}", exited.stderr());
        receiver.expect_success();
    }
}

#[test]
fn ctrl_c_ends_the_delay_between_two_attempts() {
    in_namespace!();
    let (_directory, path) = create_file(1_000);
    let sender = start_send(&path, &["--retry"]);
    sender.wait_for_stderr("next try in 2 s");
    sender.interrupt();
    assert_eq!(sender.finish().code, Some(130));
}

#[test]
fn a_transfer_survives_a_link_that_goes_down_and_up() {
    in_namespace!();
    let (_directory, path) = create_file(4 << 20);
    let receiver = start_receiver(
        "connection, _ = listener.accept()
length, digest, name = read_offer(connection)
connection.sendall(answer(FINE, 0))
data = read_exactly(connection, 1 << 20)
say('started')
sys.stdin.readline()
data += read_exactly(connection, length - len(data))
connection.sendall(receipt(FINE, length))
say(data == open(PATH, 'rb').read(), connection.recv(1))",
        &path,
    );
    // A busy machine may need longer for `ip link` than a sender waits by default.
    let sender = start_send(&path, &["--idle-timeout", "1000"]);
    receiver.wait_for_stdout("started");
    sh("ip link set tap0 down");
    let mut receiver = receiver;
    receiver.write_stdin("continue\n");
    std::thread::sleep(std::time::Duration::from_millis(700));
    sh("ip link set tap0 up");
    let exited = sender.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(receiver.expect_success(), "listening\nstarted\nTrue b''\n");
}
