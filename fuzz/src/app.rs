//! An app under a peer that may send any bytes, any segments, or nothing: it ends with a result, and in time.

mod host;
mod peer;
mod server;

use smoltcp::iface::{SocketHandle, SocketStorage};
use smoltcp::wire::{IpEndpoint, Ipv4Address};
use tickwire::chat::{Chat, Options};
use tickwire::file::{FileReceiver, ReceiverOptions};
use tickwire::guard::{Guarded, Storage};
use tickwire::http::server::HEAD_MEMORY_MIN;
use tickwire::http::{self, Get, GetOptions, Request, Url};
use tickwire::store::MemoryStore;
use tickwire::{AnyTask, Duration, Sink, SinkError, Task};

use crate::cable::Cable;
use crate::draw::Draw;
use crate::frame::{FIN, HOST_MAC, RST};
use crate::stack::stack;
use host::Host;
use peer::Peer;

const HOST: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
/// The port of whoever listens.
const PORT: u16 = 80;
const BUFFER_LEN: usize = 512;

/// What peers say when all is well, so that an input gets behind the first word.
const WORDS: [&[u8]; 8] = [
    b"HTTP/1.0 200 OK\r\nContent-Length: 300\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"8\r\n8 bytes!\r\n0\r\n\r\n",
    b"hello\r\n",
    b"\x10\0\0\0",
    // The SHA-256 of nothing.
    b"TWF\x81\x01\0\x01\0\0\0\0\0\0\0\0\0\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55a",
    // Sixteen bytes of some digest.
    b"TWF\x81\x01\0\x01\0\x10\0\0\0\0\0\0\0\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55b",
];

/// Which app it is, whether it has a guard, and then what the peer and the app's owner do.
pub fn run(data: &[u8]) {
    let mut draw = Draw(data);
    let choice = draw.byte();
    let mut memory = Memory::new();
    let cable = Cable::default();
    let mut storage: Storage<4> = Storage::new();
    let device = match choice & 0x80 {
        0 => Guarded::new(cable, HOST_MAC, &mut storage),
        _ => Guarded::passive(cable, &mut storage),
    };
    let mut stack = stack(device, HOST, &mut memory.sockets);
    let handles = memory
        .buffers
        .each_mut()
        .map(|[receive, send]| stack.add_tcp_socket(receive, send));
    let url = Url::parse("http://10.0.0.2/").expect("a right URL");
    let request = Request::new(&url, &[]).expect("no headers");
    let (subject, listens) = Subject::new(choice, request, handles, &mut memory.app);
    drive(Host::new(stack, subject), listens, &WORDS, &mut draw);
}

/// An HTTP server: whether it has a guard, and then what the caller does.
pub fn run_server(data: &[u8]) {
    let mut draw = Draw(data);
    let choice = draw.byte();
    let mut memory = Memory::new();
    let mut head = [0; HEAD_MEMORY_MIN];
    let cable = Cable::default();
    let mut storage: Storage<4> = Storage::new();
    let device = match choice & 0x80 {
        0 => Guarded::new(cable, HOST_MAC, &mut storage),
        _ => Guarded::passive(cable, &mut storage),
    };
    let mut stack = stack(device, HOST, &mut memory.sockets);
    let [[receive, send], _] = &mut memory.buffers;
    let socket = stack.add_tcp_socket(receive, send);
    let [first, second, ..] = &mut memory.app;
    let server = server::server(socket, &mut head, first, second);
    let subject = Subject::Server(Box::new(Task::new(server)));
    drive(Host::new(stack, subject), true, &server::WORDS, &mut draw);
}

/// Lets the peer do what is drawn, and then nothing more.
fn drive(mut host: Host<'_>, listens: bool, words: &[&[u8]], draw: &mut Draw<'_>) {
    let mut peer = Peer::new(listens, draw);
    host.settle(&mut peer);
    while !draw.is_over() {
        step(&mut host, &mut peer, words, draw);
        host.settle(&mut peer);
    }
    host.run_out(&mut peer);
}

/// One thing that the peer does, or the owner of the app.
fn step(host: &mut Host<'_>, peer: &mut Peer, words: &[&[u8]], draw: &mut Draw<'_>) {
    let choice = draw.byte();
    match choice % 16 {
        0 | 1 => {
            let len = usize::from(choice >> 4) * 4 + 1;
            let bytes = draw.bytes(len);
            peer.say(host.cable(), bytes, 0);
        }
        2..=4 => peer.say(
            host.cable(),
            words[usize::from(choice >> 4) % words.len()],
            0,
        ),
        5 => peer.say(host.cable(), b"", FIN),
        6 => peer.say(host.cable(), b"", RST),
        7 => peer.call(host.cable()),
        8 => peer.window = [0, 1, 100, u16::MAX][usize::from(choice >> 4) % 4],
        9 => peer.acks = !peer.acks,
        10 => host.pass(Duration::from_millis(u64::from(choice >> 4) * 20), peer),
        11 => host.pass(Duration::from_millis(u64::from(draw.byte()) * 300), peer),
        12 => peer.say_anything(host.cable(), draw),
        13 => {
            let mut frame = peer.last.clone();
            for _ in 0..=choice >> 6 {
                let at = usize::from(draw.byte()) % 80;
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= draw.byte();
                }
            }
            host.cable().to_host.push_back(frame);
        }
        14 => host.cable().to_host.push_back(draw.bytes(60).to_vec()),
        _ => host.subject.be_told(choice >> 4, draw),
    }
}

/// Takes what it has room for.
#[derive(Default)]
struct Taking {
    taken: u64,
    is_stalled: bool,
    fails: bool,
}

impl Sink for Taking {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        if self.fails {
            return Err(SinkError::Failed { code: 5 });
        }
        let count = if self.is_stalled {
            0
        } else {
            data.len().min(100)
        };
        self.taken += count as u64;
        Ok(count)
    }
}

struct Memory<'a> {
    buffers: [[[u8; BUFFER_LEN]; 2]; 2],
    app: [[u8; 256]; 5],
    sockets: [SocketStorage<'a>; 2],
}

impl Memory<'_> {
    const fn new() -> Self {
        Self {
            buffers: [[[0; BUFFER_LEN]; 2]; 2],
            app: [[0; 256]; 5],
            sockets: [SocketStorage::EMPTY; 2],
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one of them")]
enum Subject<'a> {
    Get(Task<Get<'a, Taking>>),
    Chat(Task<Chat<'a, Taking>>),
    Receiver(Task<FileReceiver<MemoryStore<'a>>>),
    Server(Box<Task<http::Server<'a, server::Site<'a>, 1>>>),
}

impl<'a> Subject<'a> {
    /// The app that was chosen, and whether it listens.
    fn new(
        choice: u8,
        request: Request<'a>,
        sockets: [SocketHandle; 2],
        memory: &'a mut [[u8; 256]; 5],
    ) -> (Self, bool) {
        let remote = IpEndpoint::new(PEER.into(), PORT);
        let once = choice & 0x40 != 0;
        let [line, queue, location, first, second] = memory;
        match choice % 5 {
            0 | 1 => {
                let options = GetOptions::default();
                let sink = Taking::default();
                let get = Get::new(sockets[0], remote, request, options, location, sink);
                (Self::Get(Task::new(get)), false)
            }
            listens @ (2 | 3) => {
                let options = Options {
                    once,
                    redial: choice & 0x20 != 0,
                    ..Options::DEFAULT
                };
                let sink = Taking::default();
                let mut chat = Chat::new(sockets, &mut line[..], &mut queue[..], sink, options);
                if listens == 2 {
                    chat.listen(PORT);
                } else {
                    chat.dial(remote);
                }
                (Self::Chat(Task::new(chat)), listens == 2)
            }
            _ => {
                let options = ReceiverOptions {
                    once,
                    ..ReceiverOptions::default()
                };
                let store = MemoryStore::new(&mut first[..], &mut second[..]);
                let receiver = FileReceiver::new(sockets[0], PORT, store, options);
                (Self::Receiver(Task::new(receiver)), true)
            }
        }
    }
}

impl Subject<'_> {
    fn task(&mut self) -> &mut dyn AnyTask {
        match self {
            Self::Get(get) => get,
            Self::Chat(chat) => chat,
            Self::Receiver(receiver) => receiver,
            Self::Server(server) => &mut **server,
        }
    }

    /// The owner does something with the app or its sink.
    fn be_told(&mut self, what: u8, draw: &mut Draw) {
        match self {
            Self::Get(get) => get.app_mut().sink_mut().is_told(what),
            Self::Chat(chat) => command(chat.app_mut(), what, draw),
            Self::Receiver(_) | Self::Server(_) => {}
        }
    }
}

/// What the owner of a chat can do with it.
fn command(chat: &mut Chat<Taking>, what: u8, draw: &mut Draw) {
    match what {
        0..=3 => chat.sink_mut().is_told(what),
        4..=8 => {
            let len = usize::from(draw.byte());
            // A full queue is for the owner to mind.
            let _ = chat.push_line(draw.bytes(len));
        }
        9 => chat.end_input(),
        10 => chat.disconnect(),
        11 => chat.listen(PORT),
        12 => chat.dial(IpEndpoint::new(PEER.into(), PORT)),
        13 => chat.quit(),
        _ => {}
    }
}

impl Taking {
    fn is_told(&mut self, what: u8) {
        match what {
            0 => self.is_stalled = true,
            1 | 2 => self.is_stalled = false,
            3 => self.fails = true,
            _ => {}
        }
    }
}
