//! Common programs as peers: nc in both roles, and telnet.

use super::start_listener;
use crate::common::{Process, hosttap, in_namespace, is_installed, killed_with_test};

fn start(program: &str, arguments: &[&str]) -> Process {
    Process::start(killed_with_test(program).args(arguments))
}

#[test]
fn nc_can_connect() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    let mut nc = start("nc", &["-N", "192.168.69.1", "1001"]);
    nc.write_stdin("hello from nc\n");
    chat.wait_for_stdout("hello from nc\n");
    chat.write_stdin("hello from us\n");
    nc.wait_for_stdout("hello from us\n");
    nc.close_stdin();
    assert_eq!(nc.finish().code, Some(0));
    assert_eq!(chat.finish().code, Some(0));
}

#[test]
fn nc_can_listen() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    // nc does not report when it listens, so the chat retries.
    let mut nc = start("nc", &["-N", "-l", "192.168.69.100", "1001"]);
    let arguments = ["chat", "--connect", "192.168.69.100", "--retry", "--once"];
    let mut chat = hosttap(&arguments);
    chat.write_stdin("hello from us\n");
    nc.wait_for_stdout("hello from us\n");
    nc.write_stdin("hello from nc\n");
    chat.wait_for_stdout("hello from nc\n");
    chat.close_stdin();
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "hello from nc\n");
    assert_eq!(exited.code, Some(0));
    assert_eq!(nc.finish().code, Some(0));
}

#[test]
fn telnet_can_connect() {
    if !is_installed("telnet") {
        return;
    }
    in_namespace!();
    let mut chat = start_listener(&["--once"]);
    let mut telnet = start("telnet", &["192.168.69.1", "1001"]);
    telnet.wait_for_stdout("Connected to 192.168.69.1");
    telnet.write_stdin("hello from telnet\n");
    chat.wait_for_stdout("hello from telnet\n");
    chat.write_stdin("hello from us\n");
    telnet.wait_for_stdout("hello from us\n");
    chat.close_stdin();
    telnet.wait_for_stderr("Connection closed by foreign host");
    let exited = chat.finish();
    assert_eq!(exited.stdout(), "hello from telnet\n");
    assert_eq!(exited.code, Some(0));
}
