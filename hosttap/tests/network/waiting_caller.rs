//! A caller for whom no socket is free.

use crate::common::{Process, TCP_PEER_PY, hosttap, in_namespace, start_python};

/// `hosttap echo`, and a script in which `busy` holds all its sockets.
fn run(script: &str) -> (Process, String) {
    let server = hosttap(&["echo"]);
    server.wait_for_stderr("Listening on");
    let script = format!(
        "{TCP_PEER_PY}
PORT = 12345
busy = [connect() for _ in range(8)]
for connection in busy:
    connection.sendall(b'x')
    assert connection.recv(1) == b'x'
{script}"
    );
    let output = start_python(&script, &[]).expect_success();
    (server, output)
}

#[test]
fn a_caller_waits_for_a_free_socket_instead_of_being_refused() {
    in_namespace!();
    // The SYN leaves before the FIN.
    let (_server, output) = run("late = socket.socket()
late.setblocking(False)
late.connect_ex((HOSTTAP_ADDRESS, PORT))
busy[0].close()
late.settimeout(TIMEOUT)
late.sendall(b'y')
say(late.recv(1))");
    assert_eq!(output, "b'y'\n");
}

#[test]
fn a_caller_that_has_waited_long_enough_is_refused() {
    in_namespace!();
    let (_server, output) = run("try:
    connect_once()
except ConnectionRefusedError:
    say('refused')");
    assert_eq!(output, "refused\n");
}
