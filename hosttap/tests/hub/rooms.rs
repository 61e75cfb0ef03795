//! Terminals and scripts in one room.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use super::{ADDRESS, start_hub, stop, terminal};
use crate::common::peers::{has_peers, start_python_peer};
use crate::common::{Process, SECONDS_MAX, WAIT_MAX, in_namespace, is_installed, sh};

const WEBSOCKET_PY: &str = include_str!("websocket.py");

/// A member by WebSocket in the lobby under this name.
fn script(name: &str) -> Process {
    let peer = start_python_peer(WEBSOCKET_PY, &[name]);
    peer.wait_for_stdout(&format!("* {name} joined\n"));
    peer
}

#[test]
fn a_terminal_and_scripts_talk_in_one_room_and_hear_the_same_in_the_same_order() {
    in_namespace!();
    if !is_installed("nc") || !has_peers(&["websockets"], &[]) {
        return;
    }
    let server = start_hub(&[]);
    let mut nc = terminal("nc");
    let (mut one, mut two) = (script("one"), script("two"));
    nc.wait_for_stdout("* two joined\n");
    for number in 0..10 {
        nc.write_stdin(&format!("n{number}\n"));
        one.write_stdin(&format!("o{number}\n"));
        two.write_stdin(&format!("t{number}\n"));
    }
    for line in ["nc: n9\n", "one: o9\n", "two: t9\n"] {
        for member in [&nc, &one, &two] {
            member.wait_for_stdout(line);
        }
    }
    nc.write_stdin("/who\n");
    nc.wait_for_stdout("* nc, one, two\n");
    nc.write_stdin("/quit\n");
    let heard = [nc, one, two].map(|member| member.expect_success());
    let said = |heard: &str| {
        let lines = heard.lines().filter(|line| !line.starts_with('*'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let [first, second, third] = heard.map(|heard| said(&heard));
    assert_eq!(first.len(), 30);
    assert_eq!(first, second);
    assert_eq!(first, third);
    stop(server);
}

#[test]
fn a_server_that_ends_says_so_to_its_members_and_waits_for_no_dead_one() {
    in_namespace!();
    if !is_installed("nc") || !has_peers(&["websockets"], &[]) {
        return;
    }
    let server = start_hub(&[]);
    let (nc, one, frozen) = (terminal("nc"), script("one"), terminal("frozen"));
    frozen.signal(Signal::STOP);
    stop(server);
    nc.wait_for_stdout("* the server is going away\n");
    nc.expect_success();
    one.wait_for_stdout("* closed with 1001\n");
    one.expect_success();
}

#[test]
fn a_stopped_terminal_is_closed_in_time_and_slows_nobody() {
    in_namespace!();
    if !is_installed("nc") {
        return;
    }
    let server = start_hub(&["--max-rate", "10000"]);
    let (mut one, two) = (terminal("one"), terminal("two"));
    let frozen = terminal("frozen");
    frozen.signal(Signal::STOP);
    let mut count = 0;
    while !two.stdout_so_far().contains("* frozen left\n") {
        assert!(count < 4_000, "the kernel takes no more than a few MiB");
        let text = format!("{count:0>4000}");
        one.write_stdin(&format!("{text}\n"));
        two.wait_for_stdout(&format!("one: {text}\n"));
        count += 1;
    }
    let heard = two.stdout_so_far();
    let said: Vec<_> = heard
        .lines()
        .filter(|line| line.starts_with("one: "))
        .collect();
    let all: Vec<_> = (0..said.len())
        .map(|number| format!("one: {number:0>4000}"))
        .collect();
    assert_eq!(said, all);
    stop(server);
}

#[test]
fn the_limits_are_those_of_the_options() {
    in_namespace!();
    if !is_installed("nc") {
        return;
    }
    let server = start_hub(&[
        "--max-members",
        "2",
        "--max-rooms",
        "1",
        "--max-message",
        "64",
    ]);
    let (mut one, _two) = (terminal("one"), terminal("two"));
    let third = sh(&format!("nc {ADDRESS} 4000 < /dev/null"));
    assert_eq!(third, "* there is no place for another member\n");
    one.write_stdin("/room attic\n");
    one.wait_for_stdout("* there is no place for another room\n");
    one.write_stdin(&format!("{}\n", "x".repeat(65)));
    one.wait_for_stdout(&format!("one: {}\none: x\n", "x".repeat(64)));
    stop(server);
}

#[test]
fn all_members_may_come_over_one_port_and_the_next_is_told_that_there_is_no_place() {
    in_namespace!();
    let server = start_hub(&[]);
    let ask = || {
        let mut member = TcpStream::connect((ADDRESS, 80)).unwrap();
        member.set_read_timeout(Some(WAIT_MAX)).unwrap();
        let handshake = "GET /ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        member.write_all(handshake.as_bytes()).unwrap();
        member
    };
    // Whether it is a member, by what it hears first.
    let is_in = |member: &mut TcpStream| {
        let mut heard = Vec::new();
        let is_any = |heard: &[u8], text: &[u8]| heard.windows(text.len()).any(|at| at == text);
        while !is_any(&heard, b" joined") && !is_any(&heard, b"no place") {
            let mut bytes = [0; 1_024];
            let count = member.read(&mut bytes).unwrap();
            assert!(count > 0, "{heard:?}");
            heard.extend(&bytes[..count]);
        }
        is_any(&heard, b" joined")
    };
    // They answer no ping, so all have asked before the first is waited for.
    let mut callers: Vec<_> = (0..65).map(|_| ask()).collect();
    let are_in: Vec<_> = callers.iter_mut().map(is_in).collect();
    assert_eq!(are_in.iter().filter(|is_in| **is_in).count(), 64);
    // The page is there all the same.
    let (mut page, mut answer) = (TcpStream::connect((ADDRESS, 80)).unwrap(), String::new());
    page.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    stop(server);
}

#[test]
fn without_a_hub_its_paths_are_not_there_and_its_options_are_usage_errors() {
    in_namespace!();
    let status = |path: &str| {
        sh(&format!(
            "curl --silent --max-time {SECONDS_MAX} --output /dev/null --write-out '%{{http_code}}' \
             'http://{ADDRESS}{path}'"
        ))
    };
    let polling = "/socket.io/?EIO=4&transport=polling";
    let server = crate::common::hosttap(&["serve"]);
    server.wait_for_stderr("Listening on port 80\n");
    assert_eq!([status("/ws"), status(polling)], ["404", "404"]);
    stop(server);
    let server = start_hub(&[]);
    assert_eq!(
        [status("/ws"), status(polling), status("/")],
        ["426", "400", "200"]
    );
    stop(server);
    for arguments in [
        &["--lines", "4000"][..],
        &["--max-rate", "5"],
        &["--hub", "--origin", "a.example"],
        &["--hub", "--origin", "http://a.example/"],
        &["--hub", "--max-members", "0"],
    ] {
        let exited = crate::common::hosttap(&[&["serve"], arguments].concat()).finish();
        assert_eq!(exited.code, Some(2), "{arguments:?}");
    }
}
