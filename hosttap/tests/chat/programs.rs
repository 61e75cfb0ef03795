//! Programs that people use: nc in both parts, and telnet.

use super::listener;
use crate::common::{Namespace, Running, skip};

/// Starts a program, or says that it is not there.
fn start(namespace: &Namespace, program: &str, arguments: &[&str]) -> Option<Running> {
    if !namespace
        .sh(&format!("command -v {program}"))
        .status
        .success()
    {
        return skip(&format!("{program} is not installed"));
    }
    Some(Running::start(namespace.command(program).args(arguments)))
}

#[test]
fn nc_calls() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    let Some(mut nc) = start(&namespace, "nc", &["-N", "192.168.69.1", "1001"]) else {
        return;
    };
    nc.type_in("hello from nc\n");
    chat.wait_for_stdout("hello from nc\n", 20);
    chat.type_in("hello from us\n");
    nc.wait_for_stdout("hello from us\n", 20);
    nc.close_stdin();
    assert_eq!(nc.finish(20).code, Some(0));
    assert_eq!(chat.finish(20).code, Some(0));
}

#[test]
fn nc_is_called() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    // nc does not say when it listens, so we call until it does.
    let Some(mut nc) = start(&namespace, "nc", &["-N", "-l", "192.168.69.100", "1001"]) else {
        return;
    };
    let arguments = ["chat", "--connect", "192.168.69.100", "--retry", "--once"];
    let mut chat = namespace.hosttap(&arguments);
    chat.type_in("hello from us\n");
    nc.wait_for_stdout("hello from us\n", 20);
    nc.type_in("hello from nc\n");
    chat.wait_for_stdout("hello from nc\n", 20);
    chat.close_stdin();
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "hello from nc\n");
    assert_eq!(ended.code, Some(0));
    assert_eq!(nc.finish(20).code, Some(0));
}

#[test]
fn telnet_calls() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let mut chat = listener(&namespace, &["--once"]);
    let Some(mut telnet) = start(&namespace, "telnet", &["192.168.69.1", "1001"]) else {
        return;
    };
    telnet.wait_for_stdout("Connected to 192.168.69.1", 20);
    telnet.type_in("hello from telnet\n");
    chat.wait_for_stdout("hello from telnet\n", 20);
    chat.type_in("hello from us\n");
    telnet.wait_for_stdout("hello from us\n", 20);
    chat.close_stdin();
    telnet.wait_for_stderr("Connection closed by foreign host", 20);
    let ended = chat.finish(20);
    assert_eq!(ended.stdout(), "hello from telnet\n");
    assert_eq!(ended.code, Some(0));
}
