//! What a timeline shows, kept while a seed runs.

use std::collections::BTreeSet;

use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};
use tickwire::{Event, Tick};
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
    pub(crate) app: usize,
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
    pub(crate) fn event(&mut self, now: Tick, node: usize, app: usize, event: &Event<'_>) {
        let at = now.as_millis() * 1_000;
        let text = match *event {
            Event::Entered { to, .. } => return self.enter(at, node, app, to),
            Event::Progress { .. } | Event::Hashed { .. } | Event::Head { .. } => return,
            Event::Listening { port } => format!("listens on {port}"),
            Event::Connecting { remote } => format!("dials {}:{}", remote.addr, remote.port),
            Event::Connected { remote, .. } => format!("connected with {}", remote.addr),
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { error, .. } => format!("failed: {error}"),
            Event::Stored { length, .. } => format!("stored {length} B"),
            Event::Offered { length, .. } => format!("offered {length} B"),
            Event::Resumed { offset } => format!("resumed at {offset}"),
            Event::Unsent { bytes } => format!("unsent {bytes} B"),
            Event::Redialling { delay_ticks } => format!("redials in {delay_ticks} ms"),
            ref other => format!("{other:?}"),
        };
        let node = Some(node);
        self.marks.push(Mark { node, at, text });
    }

    fn enter(&mut self, at: u64, node: usize, app: usize, name: &'static str) {
        let open = self.bars.iter_mut().rev();
        let mut open = open.filter(|bar| bar.node == node && bar.app == app);
        if let Some(last) = open.next().filter(|last| last.end.is_none()) {
            last.end = Some(at);
        }
        self.bars.push(Bar {
            node,
            app,
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
