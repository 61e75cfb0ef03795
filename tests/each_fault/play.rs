//! The plays: for each app a listener, its callers, and what must have arrived.

use core::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use tickwire::chat::{Options, Peer};
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Echo, Error, Sink};
use tickwire_sim::{Act, Opening, Script, fill_byte};

use crate::book::Book;
use crate::shelf::Shelf;
use crate::stage::{CLIENT, PORT, Player, SERVER, Stage};

/// Bytes of a file or a body: some windows full.
const BYTES: usize = 4_000;
/// Bytes that a caller of the echo server sends before it waits for them.
const CHUNK: usize = 256;
/// Patience of a script whose peer has gone.
const PATIENCE_TICKS: u64 = 20_000;

/// Which app is on stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Get` against a script.
    Get,
    /// Two chat peers.
    Chat,
    /// `Send` to `Receive`, in the checked form.
    Checked,
    /// `Send` to `Receive`, in the plain form.
    Plain,
    /// A script against `Echo`.
    Echo,
}

pub(crate) const KINDS: [Kind; 5] = [
    Kind::Get,
    Kind::Chat,
    Kind::Checked,
    Kind::Plain,
    Kind::Echo,
];

/// Takes everything, and shows it to the test.
#[derive(Clone, Default)]
pub(crate) struct Tray(pub(crate) Rc<RefCell<Vec<u8>>>);

impl Sink for Tray {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(data.len())
    }
}

fn content() -> impl Iterator<Item = u8> {
    (0..).map(fill_byte)
}

static PAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {BYTES}\r\n\r\n").into_bytes();
    head.into_iter().chain(content().take(BYTES)).collect()
});

/// A server whose last bytes carry its FIN, and that does not give up before they have arrived.
static PAGE_ACTS: LazyLock<[Act<'static>; 4]> = LazyLock::new(|| {
    [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(&PAGE),
        Act::Close,
        Act::ExpectEnd,
    ]
});

/// A server whose FIN comes alone.
static SLOW_PAGE_ACTS: LazyLock<[Act<'static>; 4]> = LazyLock::new(|| {
    [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(&PAGE),
        Act::Flush,
        Act::Close,
    ]
});

static ECHO_BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| content().take(6 * CHUNK).collect());

static ECHO_ACTS: LazyLock<Vec<Act<'static>>> = LazyLock::new(|| {
    let chunks = ECHO_BYTES.chunks(CHUNK);
    let talk = chunks.flat_map(|chunk| [Act::Send(chunk), Act::Expect(chunk)]);
    talk.chain([Act::Close, Act::ExpectEnd]).collect()
});

/// What one side of a chat says. The listener has more to say, so that the caller's FIN finds some of it in the queue.
fn lines(side: usize) -> [String; 5] {
    let times = if side == SERVER { 40 } else { 16 };
    // The first line fits into one frame: until a line end has come, a pause ends a message.
    core::array::from_fn(|n| {
        format!("line {n} of host {side} ").repeat(if n == 0 { 1 } else { times })
    })
}

/// What the other side must then hear.
fn heard(side: usize) -> Vec<u8> {
    let lines = lines(side).map(|line| line + "\n");
    lines.concat().into_bytes()
}

/// A receiver into a shelf.
pub(crate) fn receiver<'a>(stage: &mut Stage<'a>, shelf: &Shelf) -> Player<'a> {
    let options = ReceiveOptions {
        once: stage.is_once(),
        ..ReceiveOptions::default()
    };
    let socket = stage.socket(SERVER);
    Player::new(Receive::new(socket, PORT, shelf.clone(), options))
}

/// A sender: with a name in the checked form, else in the plain one.
pub(crate) fn sender<'a>(
    stage: &mut Stage<'a>,
    name: Option<&'static str>,
    book: &Book,
) -> Player<'a> {
    let (socket, remote) = (stage.socket(CLIENT), stage.server());
    let (book, options) = (book.clone(), SendOptions::default());
    Player::new(match name {
        Some(name) => Send::checked(socket, remote, name, book, options),
        None => Send::plain(socket, remote, book, options),
    })
}

/// A GET into a sink.
pub(crate) fn getter<'a>(stage: &mut Stage<'a>, sink: impl Sink + 'a) -> Player<'a> {
    let request = Request::new(&Url::parse("http://10.0.0.2/").unwrap(), &[]).unwrap();
    let (socket, remote) = (stage.socket(CLIENT), stage.server());
    let options = GetOptions::default();
    Player::new(Get::new(socket, remote, request, options, &mut [], sink))
}

/// One app and its peer; what they stored and heard outlives a host.
pub(crate) struct Play {
    pub(crate) kind: Kind,
    pub(crate) shelf: Shelf,
    /// What came to the caller, and to the listener.
    trays: [Tray; 2],
}

impl Play {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            shelf: Shelf::new(),
            trays: Default::default(),
        }
    }

    fn chat<'a>(&self, stage: &mut Stage<'a>, host: usize) -> Peer<'a, Tray> {
        let sockets = [stage.socket(host), stage.socket(host)];
        let (line, queue) = (stage.bytes(1_024), stage.bytes(5_000));
        let options = Options {
            once: host == CLIENT || stage.is_once(),
            ..Options::DEFAULT
        };
        let mut peer = Peer::new(sockets, line, queue, self.trays[host].clone(), options);
        for line in lines(host) {
            peer.push_line(line.as_bytes()).unwrap();
        }
        peer
    }

    /// The listener. The chat's has something to say to its first caller.
    pub(crate) fn listener<'a>(&self, stage: &mut Stage<'a>) -> Player<'a> {
        match self.kind {
            Kind::Chat => {
                let mut peer = self.chat(stage, SERVER);
                peer.listen(PORT);
                Player::new(peer)
            }
            Kind::Get => {
                let acts = if stage.is_once() {
                    &*SLOW_PAGE_ACTS
                } else {
                    &*PAGE_ACTS
                };
                let script = Script::new(stage.socket(SERVER), Opening::Listen(PORT), acts);
                Player::new(script.with_timeout(PATIENCE_TICKS))
            }
            Kind::Echo => Player::new(Echo::new(stage.socket(SERVER), PORT, stage.is_once())),
            Kind::Checked | Kind::Plain => receiver(stage, &self.shelf),
        }
    }

    /// A caller; `round` counts from 0, and names what it brings.
    pub(crate) fn caller<'a>(&self, stage: &mut Stage<'a>, round: usize) -> Player<'a> {
        self.trays[CLIENT].0.borrow_mut().clear();
        let remote = stage.server();
        match self.kind {
            Kind::Chat => {
                let mut peer = self.chat(stage, CLIENT);
                peer.dial(remote);
                peer.end_input();
                Player::new(peer)
            }
            Kind::Get => getter(stage, self.trays[CLIENT].clone()),
            Kind::Echo => {
                let socket = stage.socket(CLIENT);
                let script = Script::new(socket, Opening::Dial(remote), &ECHO_ACTS);
                Player::new(script.with_timeout(PATIENCE_TICKS))
            }
            Kind::Checked => sender(stage, Some("name"), &Self::book(round)),
            Kind::Plain => sender(stage, None, &Self::book(round)),
        }
    }

    /// The file of a round.
    pub(crate) fn book(round: usize) -> Book {
        Book::of(content().skip(round).take(BYTES).collect())
    }

    /// Whether everything of this round has arrived, and nothing else; the round before it was `earlier`.
    pub(crate) fn has_arrived(&self, round: usize) -> bool {
        let tray = |side: usize| self.trays[side].0.borrow().clone();
        match self.kind {
            Kind::Get => tray(CLIENT) == PAGE[PAGE.len() - BYTES..],
            Kind::Chat => {
                let answered = if round == 0 {
                    heard(SERVER)
                } else {
                    Vec::new()
                };
                tray(SERVER).ends_with(&heard(CLIENT)) && tray(CLIENT) == answered
            }
            // The script compares.
            Kind::Echo => true,
            Kind::Checked | Kind::Plain => {
                let shared = self.shelf.get();
                let last = shared.files.last();
                last.is_some_and(|file| file.bytes == Self::book(round).bytes())
            }
        }
    }

    /// Whether nothing has come but the front of what was said; the last line may have been cut.
    pub(crate) fn has_only_front(&self) -> bool {
        let said = [heard(SERVER), heard(CLIENT)];
        let is_front = |tray: &Tray, said: &[u8]| {
            let came = tray.0.borrow();
            said.starts_with(came.strip_suffix(b"\n").unwrap_or(&came))
        };
        match self.kind {
            Kind::Get => PAGE[PAGE.len() - BYTES..].starts_with(&self.trays[CLIENT].0.borrow()),
            Kind::Chat => self
                .trays
                .iter()
                .zip(&said)
                .all(|(tray, said)| is_front(tray, said)),
            // What a receiver has is on its shelf.
            _ => true,
        }
    }

    /// How often it arrived.
    pub(crate) fn arrivals(&self) -> usize {
        match self.kind {
            Kind::Get | Kind::Echo => 1,
            Kind::Chat => self.trays[SERVER].0.borrow().len() / heard(CLIENT).len(),
            Kind::Checked | Kind::Plain => self.shelf.get().files.len(),
        }
    }
}
