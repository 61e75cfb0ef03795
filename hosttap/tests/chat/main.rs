//! `hosttap chat` against the kernel's sockets and common programs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod dialler;
mod faults;
mod listener;
mod programs;
mod stdio;
mod terminal;
mod text;

use common::{Process, TCP_PEER_PY, hosttap, start_python};

/// What a chat peer needs besides `tcp_peer.py`.
const CHAT_PEER_PY: &str = r"
PORT = 1001

# Sends until the other side stops reading, reports that, and then sends the rest.
def flood(s, text):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    s.settimeout(1)
    sent = 0
    try:
        while sent < len(text):
            sent += s.send(text[sent:sent + 65536])
        print('everything was sent')
    except TimeoutError:
        print('blocked')
    s.settimeout(TIMEOUT)
    s.sendall(text[sent:])
";

/// Starts a Python peer.
fn start_peer(script: &str) -> Process {
    start_python(&format!("{TCP_PEER_PY}\n{CHAT_PEER_PY}\n{script}"), &[])
}

/// Runs a Python peer to its end, which must be a success. Returns its stdout.
#[track_caller]
fn run_peer(script: &str) -> String {
    start_peer(script).expect_success()
}

/// Starts a Python peer that listens, and waits until it does.
fn start_listening_peer(script: &str) -> Process {
    let peer = start_peer(script);
    peer.wait_for_stdout("listening");
    peer
}

/// Starts a chat that listens, and waits until it does.
fn start_listener(options: &[&str]) -> Process {
    let chat = hosttap(&[&["chat"], options].concat());
    chat.wait_for_stderr("Listening on port");
    chat
}
