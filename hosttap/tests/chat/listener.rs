//! Chats to which a peer connects.

use super::{run_peer, start_listener};
use crate::common::in_namespace;

#[test]
fn lines_go_both_ways_and_a_fin_ends_the_conversation() {
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    chat.write_stdin("hello\n\nagain\n");
    let script = "
s = connect_once()
print(read_exactly(s, 13))
s.sendall(b'one\\r\\ntwo\\n\\nlast')
s.close()
";
    assert_eq!(run_peer(script), "b'hello\\n\\nagain\\n'\n");
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "one\ntwo\n\nlast\n");
    let stderr = exited.stderr();
    for words in [
        "Connected with 192.168.69.100:",
        " as listener",
        "the message above is only a part of a line",
        "Disconnected from 192.168.69.100:",
    ] {
        assert!(stderr.contains(words), "no {words:?} in {stderr}");
    }
    assert_eq!(exited.code, Some(0));
}

#[test]
fn five_peers_in_a_row_connect_and_no_last_acknowledgement_is_lost() {
    in_namespace!();
    let chat = start_listener(&[]);
    // Anything but an orderly close would raise an exception here.
    let script = "
for i in range(5):
    s = connect()
    s.sendall(b'round %d\\n' % i)
    s.shutdown(socket.SHUT_WR)
    assert read_to_end(s) == b'', 'nothing was typed'
    s.close()
";
    run_peer(script);
    chat.wait_for_stdout("round 4\n");
    chat.interrupt();
    let exited = chat.finish();
    let expected: String = (0..5).map(|round| format!("round {round}\n")).collect();
    assert_eq!(exited.stdout(), expected);
    assert_eq!(exited.stderr().matches("Disconnected from").count(), 5);
    assert_eq!(exited.code, Some(130));
}

#[test]
fn a_second_peer_is_refused_and_the_first_one_goes_on() {
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    let script = "
s = connect_once()
s.sendall(b'first\\n')
assert read_exactly(s, 4) == b'yes\\n'
try:
    connect_once()
    print('accepted')
except ConnectionRefusedError:
    print('refused')
s.sendall(b'still here\\n')
s.close()
";
    chat.write_stdin("yes\n");
    assert_eq!(run_peer(script), "refused\n");
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "first\nstill here\n");
    assert_eq!(exited.code, Some(0));
}

#[test]
fn the_end_of_stdin_is_a_fin_after_the_queued_lines_and_the_listener_goes_on() {
    in_namespace!();
    let mut chat = start_listener(&[]);
    chat.write_stdin("to the first");
    chat.close_stdin();
    // The first peer gets the FIN and can still send. The later ones can send until they close.
    let script = "
s = connect_once()
assert read_to_end(s) == b'to the first\\n'
time.sleep(0.5)
s.sendall(b'after your end\\n')
s.close()
for i in range(2):
    s = connect()
    s.settimeout(0.5)
    try:
        print('end', s.recv(10))
    except TimeoutError:
        pass
    s.sendall(b'caller\\n')
    s.close()
";
    assert_eq!(run_peer(script), "");
    chat.wait_for_stdout("after your end\ncaller\ncaller\n");
    chat.interrupt();
    assert_eq!(chat.finish().code, Some(130));
}

#[test]
fn after_a_peer_closes_its_side_we_close_ours() {
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    chat.write_stdin("queued\n");
    let script = "
s = connect_once()
s.sendall(b'that is all\\n')
s.shutdown(socket.SHUT_WR)
print(read_to_end(s))
";
    assert_eq!(run_peer(script), "b'queued\\n'\n");
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "that is all\n");
    assert_eq!(exited.code, Some(0));
}
