//! Stock implementations of both sides, with their default options: `websockets` of PyPI, and `ws` of
//! npm. They offer compression, which is declined.

use super::*;
use crate::common::is_installed;
use crate::common::peers::{has_peers, start_node_peer, start_python_peer};

const WEBSOCKETS_PY: &str = include_str!("websockets.py");
const WS_JS: &str = include_str!("ws.js");
/// What a peer prints when each message came back, its Ping was answered, and its Close too.
const DONE: &str = "10 messages came back, a pong, closed with 1000\n";

fn python(role: &str) -> Option<Process> {
    has_peers(&["websockets"], &[]).then(|| start_python_peer(WEBSOCKETS_PY, &[role]))
}

fn node(role: &str) -> Option<Process> {
    let is_there = is_installed("node") && has_peers(&[], &["ws"]);
    is_there.then(|| start_node_peer(WS_JS, &[role]))
}

fn check_our_server(start_client: impl Fn(&str) -> Option<Process>) {
    let server = hosttap(&["echo", "--ws"]);
    server.wait_for_stderr("Listening on port 12345\n");
    let Some(client) = start_client("client") else {
        return;
    };
    assert_eq!(client.expect_success(), DONE);
    server.interrupt();
    assert_eq!(server.finish().code, Some(130));
}

fn check_our_client(start_server: impl Fn(&str) -> Option<Process>) {
    let Some(server) = start_server("server") else {
        return;
    };
    server.wait_for_stdout("ready\n");
    let url = format!("ws://{KERNEL_ADDRESS}:9001/");
    let exited = hosttap(&["echo", "--once", "--connect", &url]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(server.expect_success(), format!("ready\n{DONE}"));
}

#[test]
fn our_server_echoes_to_websockets_of_pypi() {
    in_namespace!();
    check_our_server(python);
}

#[test]
fn our_client_echoes_to_websockets_of_pypi() {
    in_namespace!();
    check_our_client(python);
}

#[test]
fn our_server_echoes_to_ws_of_npm() {
    in_namespace!();
    check_our_server(node);
}

#[test]
fn our_client_echoes_to_ws_of_npm() {
    in_namespace!();
    check_our_client(node);
}
