//! `hosttap chat` against the kernel's sockets and the programs people use.

mod commands;
mod dialler;
mod faults;
mod input;
mod listener;
mod programs;
mod terminal;
mod text;

use crate::common::{Namespace, Running};

/// What every python peer needs. A socket that waits for half a minute is a failure.
const PRELUDE: &str = r"
import socket, struct, sys, time

def dial(port=1001):
    s = socket.create_connection(('192.168.69.1', port), 30)
    s.settimeout(30)
    return s

# Dials until somebody listens.
def redial(port=1001):
    while True:
        try:
            return dial(port)
        except ConnectionRefusedError:
            time.sleep(0.02)

def server(port=1001):
    l = socket.create_server(('192.168.69.100', port))
    l.settimeout(30)
    print('ready')
    return l

def answer(l):
    s, _ = l.accept()
    s.settimeout(30)
    return s

def take(s, length):
    data = b''
    while len(data) < length:
        more = s.recv(length - len(data))
        if not more:
            break
        data += more
    return data

def rest(s):
    data = b''
    while more := s.recv(65536):
        data += more
    return data

# Sends until the other side presses back, and then all the rest.
def flood(s, text):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    s.settimeout(1)
    sent = 0
    try:
        while sent < len(text):
            sent += s.send(text[sent:sent + 65536])
        print('all was taken')
    except TimeoutError:
        print('blocked')
    s.settimeout(60)
    s.sendall(text[sent:])

def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()
";

/// Starts a python peer with the prelude.
fn peer(namespace: &Namespace, script: &str) -> Running {
    namespace.python(&format!("{PRELUDE}\n{script}"), &[])
}

/// Starts a chat that listens, and waits until a caller would be heard.
fn listener(namespace: &Namespace, options: &[&str]) -> Running {
    let chat = namespace.hosttap(&[&["chat"], options].concat());
    chat.wait_for_stderr("Listening on port", 20);
    chat
}

/// Waits until a python peer ends, and fails with its words unless all went well for it.
fn finish_peer(peer: Running) -> String {
    let ended = peer.finish(60);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout(), ended.stderr());
    ended.stdout()
}
