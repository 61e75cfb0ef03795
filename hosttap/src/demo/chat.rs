//! The tour's third stop: two peers chat.

use smoltcp::iface::SocketHandle;
use tickwire::chat::{Options, Peer};
use tickwire::{Event, Slot, Tick};

use super::network::{DEVICE, LAPTOP, Network, endpoint};
use super::{Saved, Tour, clock};
use crate::exit::Failure;

const PORT: u16 = 1001;
const LINE_BYTES: usize = 256;
const QUEUE_BYTES: usize = 1_024;
const DIALOGUE: [(usize, &str); 4] = [
    (LAPTOP, "are you there?"),
    (DEVICE, "yes: 64 KiB of RAM and no operating system"),
    (LAPTOP, "3 % of what I say gets lost"),
    (DEVICE, "nothing did that I can see"),
];

/// One of the two, with all that it heard.
struct Talker {
    host: usize,
    peer: Peer<'static, Saved>,
    slot: Slot,
}

impl Talker {
    fn new(network: &mut Network, host: usize) -> Self {
        let sockets: [SocketHandle; 2] = [network.add_socket(host), network.add_socket(host)];
        let options = Options {
            once: true,
            ..Options::DEFAULT
        };
        // The tour's memory lives as long as the program.
        let (line, queue) = (vec![0; LINE_BYTES].leak(), vec![0; QUEUE_BYTES].leak());
        Self {
            host,
            peer: Peer::new(sockets, line, queue, Saved(Vec::new()), options),
            slot: Slot::new(),
        }
    }

    fn has_heard(&mut self, line: &str) -> bool {
        let heard = &self.peer.sink_mut().0;
        heard.strip_suffix(b"\n") == Some(line.as_bytes())
    }
}

/// Two peers talk, and end the conversation in order.
pub(super) fn chat(tour: &mut Tour, network: &mut Network) -> Result<(), Failure> {
    tour.title(3, "They chat: the device listens, the laptop dials");
    let mut pair = [DEVICE, LAPTOP].map(|host| Talker::new(network, host));
    let [device, laptop] = &mut pair;
    device.peer.listen(PORT);
    laptop.peer.dial(endpoint(DEVICE, PORT));
    for (speaker, line) in DIALOGUE {
        let [device, laptop] = &mut pair;
        let (says, hears) = if speaker == DEVICE {
            (device, laptop)
        } else {
            (laptop, device)
        };
        says.peer
            .push_line(line.as_bytes())
            .expect("the queue has room for a line of the tour");
        hears.peer.sink_mut().0.clear();
        run_until(tour, network, &mut pair, |pair| {
            pair.iter_mut()
                .any(|talker| talker.host != speaker && talker.has_heard(line))
        })?;
        let now = clock(network.now());
        tour.say(format_args!("   {now}  {:>6}: {line}", name(speaker)));
    }
    let [_, laptop] = &mut pair;
    laptop.peer.end_input();
    run_until(tour, network, &mut pair, |pair| {
        pair.iter().all(|talker| talker.slot.outcome().is_some())
    })?;
    for talker in &pair {
        if let Some(Err(error)) = talker.slot.outcome() {
            return Err(Failure::of("chat", error));
        }
    }
    tour.account(&network.ledger.take());
    Ok(())
}

fn run_until(
    tour: &mut Tour,
    network: &mut Network,
    pair: &mut [Talker; 2],
    is_done: impl Fn(&mut [Talker; 2]) -> bool,
) -> Result<(), Failure> {
    loop {
        let show = |now: Tick, host: usize, event: &Event<'_>| {
            let what = match *event {
                Event::Listening { port } => format!("listens on port {port}"),
                Event::Connected { remote, .. } => format!("is connected with {remote}"),
                Event::Disconnected { remote } => format!("has ended the chat with {remote}"),
                _ => return,
            };
            tour.say(format_args!("   {}  {} {what}", clock(now), name(host)));
        };
        let [mut device, mut laptop] = pair
            .each_mut()
            .map(|talker| [talker.slot.seat(&mut talker.peer)]);
        network.turn(&mut device, &mut laptop, show);
        if is_done(pair) {
            return Ok(());
        }
        network.rest()?;
    }
}

fn name(host: usize) -> &'static str {
    if host == DEVICE { "device" } else { "laptop" }
}
