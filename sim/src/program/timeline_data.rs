//! What a timeline shows, kept while a seed runs.

use std::collections::BTreeSet;

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};
use tickwire::{Event, Tick, chat, file};
use tickwire_sim::SimError;
use tickwire_sim::ethernet::{Fate, FrameEvent};

/// A frame on its way, in microseconds.
pub(crate) struct Arrow {
    pub(crate) from: usize,
    /// `None` when it was lost before any receiver was chosen.
    pub(crate) to: Option<usize>,
    pub(crate) sent: u64,
    /// `None` when it never arrived.
    pub(crate) arrived: Option<u64>,
    pub(crate) is_changed: bool,
    pub(crate) label: String,
}

/// A state of an app, until the next one begins.
pub(crate) struct Bar {
    pub(crate) node: usize,
    pub(crate) row: usize,
    pub(crate) task: &'static str,
    pub(crate) begin: u64,
    pub(crate) end: Option<u64>,
    pub(crate) name: &'static str,
}

/// An event or a note.
pub(crate) struct Mark {
    pub(crate) node: Option<usize>,
    pub(crate) at: u64,
    pub(crate) text: String,
}

/// Everything that a timeline shows.
#[derive(Default)]
pub(crate) struct TimelineData {
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) marks: Vec<Mark>,
    /// Frames that are still in flight: sender, number, time and label.
    flying: Vec<(usize, u64, u64, String)>,
    changed: BTreeSet<(usize, u64)>,
}

impl TimelineData {
    pub(crate) fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        let at = now.as_millis() * 1_000;
        let text = match *event {
            Event::State { new, .. } => return self.enter(at, node, task, new),
            Event::Progress { .. } => return,
            Event::Listening { port } => format!("listens on {port}"),
            Event::Connecting { remote } => format!("dials {}:{}", remote.addr, remote.port),
            Event::Connected { remote, .. } => format!("connected with {}", remote.addr),
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { .. } => match SimError::of(event) {
                Some(error) => format!("failed: {error}"),
                None => "failed".into(),
            },
            Event::Retrying { delay } => format!("dials again after {delay}"),
            Event::App(_) => match own_event(event) {
                Some(text) => text,
                None => return,
            },
            ref other => format!("{other:?}"),
        };
        let node = Some(node);
        self.marks.push(Mark { node, at, text });
    }

    fn enter(&mut self, at: u64, node: usize, task: &'static str, name: &'static str) {
        let row = row(task);
        let open = self.bars.iter_mut().rev();
        let mut open = open.filter(|bar| bar.node == node && bar.row == row);
        if let Some(last) = open.next().filter(|last| last.end.is_none()) {
            last.end = Some(at);
        }
        self.bars.push(Bar {
            node,
            row,
            task,
            begin: at,
            end: None,
            name,
        });
    }

    pub(crate) fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        let at = now.as_millis() * 1_000;
        if text == "crashes" {
            let gone = self.bars.iter_mut().filter(|bar| Some(bar.node) == node);
            gone.filter(|bar| bar.end.is_none())
                .for_each(|bar| bar.end = Some(at));
        }
        let text = text.into();
        self.marks.push(Mark { node, at, text });
    }

    pub(crate) fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        let key = (event.from, event.number);
        let is_this = |flying: &(usize, u64, u64, String)| (flying.0, flying.1) == key;
        let arrived = match event.fate {
            Fate::Sent => {
                let flying = (event.from, event.number, event.sent_micros, label(frame));
                return self.flying.push(flying);
            }
            Fate::Changed(_) => {
                self.changed.insert(key);
                return;
            }
            Fate::Duplicated => return,
            Fate::Dropped(_) => None,
            Fate::Delivered => Some(event.at_micros),
        };
        let label = match self.flying.iter().position(is_this) {
            Some(index) => self.flying.swap_remove(index).3,
            // Another copy, or another receiver.
            None => label(frame),
        };
        self.arrows.push(Arrow {
            from: event.from,
            to: event.to,
            sent: event.sent_micros,
            arrived,
            is_changed: self.changed.contains(&key),
            label,
        });
    }

    /// The number of nodes that have sent something.
    pub(crate) fn lanes(&self) -> usize {
        let senders = self.arrows.iter().map(|arrow| arrow.from + 1);
        senders.max().unwrap_or(0)
    }

    /// What was in flight when its receiver lost its power never arrives.
    pub(crate) fn finish(&mut self) {
        for (from, _, sent, label) in self.flying.drain(..) {
            self.arrows.push(Arrow {
                from,
                to: None,
                sent,
                arrived: None,
                is_changed: false,
                label,
            });
        }
    }
}

/// A frame in a few words.
fn label(bytes: &[u8]) -> String {
    describe(bytes).unwrap_or_else(|| format!("{} B", bytes.len()))
}

fn describe(bytes: &[u8]) -> Option<String> {
    let frame = EthernetFrame::new_checked(bytes).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Arp => Some("arp".into()),
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if packet.next_header() != IpProtocol::Tcp {
                return None;
            }
            let segment = TcpPacket::new_checked(packet.payload()).ok()?;
            let flags = [
                (segment.syn(), "syn"),
                (segment.fin(), "fin"),
                (segment.rst(), "rst"),
            ];
            let mut words: Vec<String> = flags
                .iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, name)| (*name).to_string())
                .collect();
            if segment.ack() && (segment.payload().is_empty() || segment.syn()) {
                words.push("ack".into());
            }
            if !segment.payload().is_empty() {
                words.push(format!("{} B", segment.payload().len()));
            }
            if segment.window_len() == 0 && !segment.rst() {
                words.push("win 0".into());
            }
            Some(words.join(" "))
        }
        _ => None,
    }
}

/// The row of a task on its node: a GET or its server, a chat or a lease, a file transfer or a clock;
/// members of a hub as they are numbered.
fn row(task: &str) -> usize {
    match task {
        "chat" | "dhcp" | "lines" | "member 1" | "member 4" | "hostile 1" => 1,
        "send" | "receive" | "sntp" | "member 2" | "member 5" | "hostile 2" => 2,
        _ => 0,
    }
}

/// What an app reports beyond what every connection reports; `None` for what is too frequent.
fn own_event(event: &Event) -> Option<String> {
    if let Some(chat::Event::Unsent { bytes }) = event.app() {
        return Some(format!("unsent {bytes} B"));
    }
    match event.app()? {
        file::Event::Stored { length, .. } => Some(format!("stored {length} B")),
        file::Event::Offered { length, .. } => Some(format!("offered {length} B")),
        file::Event::Resumed { offset } => Some(format!("resumed at {offset}")),
        _ => None,
    }
}
