//! The stock clients of Socket.IO: socket.io-client of npm, and python-socketio of PyPI.

use super::{ADDRESS, start_hub, stop, terminal};
use crate::common::peers::{has_peers, start_node_peer, start_python_peer};
use crate::common::{SECONDS_MAX, in_namespace, is_installed, sh};

const JS: &str = include_str!("peer.js");
const PY: &str = include_str!("peer.py");

#[test]
fn the_stock_clients_join_exchange_events_and_acknowledgements_and_come_back_after_a_restart() {
    in_namespace!();
    if !is_installed("node") || !has_peers(&["socketio", "websocket"], &["socket.io-client"]) {
        return;
    }
    let fast = ["--max-rate", "10000", "-v"];
    let server = start_hub(&fast);
    let mut js = start_node_peer(JS, &[]);
    js.wait_for_stdout("connected\nnews {\"hello\":\"world\"}\njoined js\n");
    let py = start_python_peer(PY, &[]);
    py.wait_for_stdout("news {\"hello\":\"world\"}\n");
    py.wait_for_stdout("my other event {\"my\":\"data\"}\n");
    js.wait_for_stdout("my other event {\"my\":\"d\u{e4}ta\"}\n");
    for peer in [&js, &py] {
        peer.wait_for_stdout("all heard\n");
        peer.wait_for_stdout("all acknowledged\n");
    }
    let mut nc = terminal("nc");
    nc.write_stdin("/room test\nhello\n");
    nc.wait_for_stdout("nc: hello\n");
    js.write_stdin("hi\n");
    nc.wait_for_stdout("js: hi\n");
    for peer in [&js, &py] {
        peer.wait_for_stdout("message nc hello\n");
        peer.wait_for_stdout("message js hi\n");
    }
    let stderr = stop(server);
    assert_eq!(stderr.matches("acknowledged news").count(), 2, "{stderr}");
    let server = start_hub(&[]);
    let news = "news {\"hello\":\"world\"}\n";
    let mut nc = terminal("again");
    nc.write_stdin("/room test\n");
    nc.wait_for_stdout("* js joined\n");
    nc.wait_for_stdout("* py joined\n");
    for peer in [js, py] {
        let heard = peer.expect_success();
        assert_eq!(heard.matches(news).count(), 2, "{heard}");
    }
    stop(server);
}

#[test]
fn a_client_that_polls_is_told_what_is_wrong() {
    in_namespace!();
    let server = start_hub(&[]);
    let polling = format!("http://{ADDRESS}/socket.io/?EIO=4&transport=polling&t=abc");
    let told = sh(&format!(
        "curl --silent --max-time {SECONDS_MAX} '{polling}'"
    ));
    assert_eq!(told, r#"{"code":0,"message":"Transport unknown"}"#);
    stop(server);
}
