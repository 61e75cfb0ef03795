//! For each app a server, its callers, and what must have arrived.

use core::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use tickwire::chat::{Chat, Options};
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SenderOptions};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Echo, Sink, SinkError};
use tickwire_sim::{Act, fill_byte};

use crate::common::faulty_store::FaultyStore;
use crate::common::mem_source::MemSource;
use crate::context::{AppSlot, CLIENT, PORT, RunContext, SERVER};

/// Bytes of a file or a body: some windows full.
const BYTES: usize = 4_000;
/// Bytes that a caller of the echo server sends before it waits for them.
const CHUNK: usize = 256;

/// Which app is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Get` against a script.
    Get,
    /// Two chat peers.
    Chat,
    /// `FileSender` to `FileReceiver`, in the checked form.
    Checked,
    /// `FileSender` to `FileReceiver`, in the plain form.
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
pub(crate) struct SharedSink(pub(crate) Rc<RefCell<Vec<u8>>>);

impl Sink for SharedSink {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
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

/// What one side of a chat says. The server has more to say, so that the caller's FIN finds some
/// of it in the queue.
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

/// A receiver into a faulty store.
pub(crate) fn receiver<'a>(context: &mut RunContext<'a>, store: &FaultyStore) -> AppSlot<'a> {
    let options = ReceiverOptions {
        once: context.is_once(),
        ..ReceiverOptions::default()
    };
    let socket = context.socket(SERVER);
    AppSlot::new(FileReceiver::new(socket, PORT, store.clone(), options))
}

/// A sender: with a name in the checked form, else in the plain one.
pub(crate) fn sender<'a>(
    context: &mut RunContext<'a>,
    name: Option<&'static str>,
    source: &MemSource,
) -> AppSlot<'a> {
    let (socket, remote) = (context.socket(CLIENT), context.server());
    let (source, options) = (source.clone(), SenderOptions::default());
    AppSlot::new(match name {
        Some(name) => FileSender::checked(socket, remote, name, source, options),
        None => FileSender::plain(socket, remote, source, options),
    })
}

/// A GET into a sink.
pub(crate) fn getter<'a>(context: &mut RunContext<'a>, sink: impl Sink + 'a) -> AppSlot<'a> {
    let request = Request::new(&Url::parse("http://10.0.0.2/").unwrap(), &[]).unwrap();
    let (socket, remote) = (context.socket(CLIENT), context.server());
    let options = GetOptions::default();
    AppSlot::new(Get::new(socket, remote, request, options, &mut [], sink))
}

/// One app and its peer; what they stored and heard outlives a host.
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) store: FaultyStore,
    /// What came to the caller, and to the server.
    sinks: [SharedSink; 2],
}

impl Scenario {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            store: FaultyStore::new(),
            sinks: Default::default(),
        }
    }

    fn chat<'a>(&self, context: &mut RunContext<'a>, host: usize) -> Chat<'a, SharedSink> {
        let sockets = [context.socket(host), context.socket(host)];
        let (line, queue) = (context.bytes(1_024), context.bytes(5_000));
        let options = Options {
            once: host == CLIENT || context.is_once(),
            ..Options::DEFAULT
        };
        let mut peer = Chat::new(sockets, line, queue, self.sinks[host].clone(), options);
        for line in lines(host) {
            peer.push_line(line.as_bytes()).unwrap();
        }
        peer
    }

    /// The server. The chat's has something to say to its first caller.
    pub(crate) fn server<'a>(&self, context: &mut RunContext<'a>) -> AppSlot<'a> {
        match self.kind {
            Kind::Chat => {
                let mut peer = self.chat(context, SERVER);
                peer.listen(PORT);
                AppSlot::new(peer)
            }
            Kind::Get => {
                let acts = if context.is_once() {
                    &*SLOW_PAGE_ACTS
                } else {
                    &*PAGE_ACTS
                };
                context.scripted_server(acts)
            }
            Kind::Echo => AppSlot::new(Echo::<1>::echo(
                [context.socket(SERVER)],
                PORT,
                context.is_once(),
            )),
            Kind::Checked | Kind::Plain => receiver(context, &self.store),
        }
    }

    /// A caller; `round` counts from 0, and names what it brings.
    pub(crate) fn caller<'a>(&self, context: &mut RunContext<'a>, round: usize) -> AppSlot<'a> {
        self.sinks[CLIENT].0.borrow_mut().clear();
        let remote = context.server();
        match self.kind {
            Kind::Chat => {
                let mut peer = self.chat(context, CLIENT);
                peer.dial(remote);
                peer.end_input();
                AppSlot::new(peer)
            }
            Kind::Get => getter(context, self.sinks[CLIENT].clone()),
            Kind::Echo => context.scripted_caller(&ECHO_ACTS),
            Kind::Checked => sender(context, Some("name"), &Self::file(round)),
            Kind::Plain => sender(context, None, &Self::file(round)),
        }
    }

    /// The file of a round.
    pub(crate) fn file(round: usize) -> MemSource {
        MemSource::of(content().skip(round).take(BYTES).collect())
    }

    /// Whether everything of this round has arrived, and nothing else.
    pub(crate) fn has_arrived(&self, round: usize) -> bool {
        let sink = |side: usize| self.sinks[side].0.borrow().clone();
        match self.kind {
            Kind::Get => sink(CLIENT) == PAGE[PAGE.len() - BYTES..],
            Kind::Chat => {
                let answered = if round == 0 {
                    heard(SERVER)
                } else {
                    Vec::new()
                };
                sink(SERVER).ends_with(&heard(CLIENT)) && sink(CLIENT) == answered
            }
            // The script compares.
            Kind::Echo => true,
            Kind::Checked | Kind::Plain => {
                let medium = self.store.get();
                let last = medium.files.last();
                last.is_some_and(|file| file.bytes == Self::file(round).bytes())
            }
        }
    }

    /// Whether nothing has come but the front of what was said; the last line may have been cut.
    pub(crate) fn has_only_front(&self) -> bool {
        let said = [heard(SERVER), heard(CLIENT)];
        let is_front = |sink: &SharedSink, said: &[u8]| {
            let came = sink.0.borrow();
            said.starts_with(came.strip_suffix(b"\n").unwrap_or(&came))
        };
        match self.kind {
            Kind::Get => PAGE[PAGE.len() - BYTES..].starts_with(&self.sinks[CLIENT].0.borrow()),
            Kind::Chat => self
                .sinks
                .iter()
                .zip(&said)
                .all(|(sink, said)| is_front(sink, said)),
            // What a receiver has is in its store.
            _ => true,
        }
    }

    /// How often it arrived.
    pub(crate) fn arrivals(&self) -> usize {
        match self.kind {
            Kind::Get | Kind::Echo => 1,
            Kind::Chat => self.sinks[SERVER].0.borrow().len() / heard(CLIENT).len(),
            Kind::Checked | Kind::Plain => self.store.get().files.len(),
        }
    }
}
