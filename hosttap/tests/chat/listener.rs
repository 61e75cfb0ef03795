//! Conversations that a peer begins.

use super::{finish_peer, listener, peer};
use crate::common::Namespace;

#[test]
fn lines_go_both_ways_and_a_fin_ends_the_conversation() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    chat.type_in("hello\n\nagain\n");
    let script = "s = dial(); print(take(s, 13)); s.sendall(b'one\\r\\ntwo\\n\\nlast'); s.close()";
    assert_eq!(
        finish_peer(peer(&namespace, script)),
        "b'hello\\n\\nagain\\n'\n"
    );
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "one\ntwo\n\nlast\n");
    let told = ended.stderr();
    for words in [
        "Connected with 192.168.69.100:",
        " as listener",
        "the message above is only part of a line",
        "Disconnected from 192.168.69.100:",
    ] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    assert_eq!(ended.code, Some(0));
}

#[test]
fn five_callers_in_a_row_are_heard_and_the_last_acknowledgements_are_not_lost() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let chat = listener(&namespace, &[]);
    // A close that ends in anything but an orderly end would raise here.
    let script = "
for i in range(5):
    s = redial()
    s.sendall(b'round %d\\n' % i)
    s.shutdown(socket.SHUT_WR)
    assert rest(s) == b'', 'nothing was typed'
    s.close()
";
    finish_peer(peer(&namespace, script));
    chat.wait_for_stdout("round 4\n", 20);
    chat.interrupt();
    let ended = chat.finish(20);
    let expected: String = (0..5).map(|round| format!("round {round}\n")).collect();
    assert_eq!(ended.stdout(), expected);
    assert_eq!(ended.stderr().matches("Disconnected from").count(), 5);
    assert_eq!(ended.code, Some(130));
}

#[test]
fn a_second_caller_is_refused_and_the_first_goes_on() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    let script = "
s = dial()
s.sendall(b'first\\n')
assert take(s, 4) == b'yes\\n'
try:
    dial()
    print('heard')
except ConnectionRefusedError:
    print('refused')
s.sendall(b'still here\\n')
s.close()
";
    chat.type_in("yes\n");
    assert_eq!(finish_peer(peer(&namespace, script)), "refused\n");
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "first\nstill here\n");
    assert_eq!(ended.code, Some(0));
}

#[test]
fn the_end_of_stdin_is_a_fin_behind_what_is_queued_and_the_listener_goes_on() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &[]);
    chat.type_in("to the first");
    chat.close_stdin();
    // The first caller hears the end and can still talk; those behind it are heard until they close.
    let script = "
s = dial()
assert rest(s) == b'to the first\\n'
time.sleep(0.5)
s.sendall(b'behind your end\\n')
s.close()
for i in range(2):
    s = redial()
    s.settimeout(0.5)
    try:
        print('end', s.recv(10))
    except TimeoutError:
        pass
    s.sendall(b'caller\\n')
    s.close()
";
    assert_eq!(finish_peer(peer(&namespace, script)), "");
    chat.wait_for_stdout("behind your end\ncaller\ncaller\n", 20);
    chat.interrupt();
    assert_eq!(chat.finish(20).code, Some(130));
}

#[test]
fn a_peer_that_closes_its_half_gets_our_close() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    chat.type_in("queued\n");
    let script = "
s = dial()
s.sendall(b'that is all\\n')
s.shutdown(socket.SHUT_WR)
print(rest(s))
";
    assert_eq!(finish_peer(peer(&namespace, script)), "b'queued\\n'\n");
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "that is all\n");
    assert_eq!(ended.code, Some(0));
}
