//! The tour's last stop: a file goes to the device, and the cable is pulled in the middle.

use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions};
use tickwire::store::MemoryStore;
use tickwire::{Error, Event, Slot, Tick};
use tickwire_sim::fill_byte;

use super::network::{DEVICE, LAPTOP, Network, endpoint};
use super::{Meter, Tour, clock};
use crate::exit::{Exit, Failure};

const PORT: u16 = 2001;
const NAME: &str = "settings.bin";
const FILE_BYTES: usize = 256 * 1024;
/// The cable is pulled once so many bytes are through.
const PULLED_AT_BYTES: u64 = 100_000;

/// The receiver on the device, which outlives a sender.
struct Receiver {
    app: Receive<MemoryStore<'static>>,
    slot: Slot,
}

/// Sends a file, loses the connection, and resumes.
pub(super) fn upload(tour: &mut Tour, network: &mut Network) -> Result<(), Failure> {
    let title = format!("The laptop sends {NAME}, {FILE_BYTES} bytes, in the checked form");
    tour.title(4, &title);
    let content: Vec<u8> = (0..FILE_BYTES as u64).map(fill_byte).collect();
    // The tour's memory lives as long as the program.
    let [first, second] = [(); 2].map(|()| vec![0; FILE_BYTES].leak());
    let store = MemoryStore::new(first, second);
    let socket = network.add_socket(DEVICE);
    let mut receiver = Receiver {
        app: Receive::new(socket, PORT, store, ReceiveOptions::default()),
        slot: Slot::new(),
    };
    let outcome = send(tour, network, &mut receiver, &content, true)?;
    let Err(error) = outcome else {
        return Err(Failure::new(Exit::Unknown, "no cable was pulled"));
    };
    let now = clock(network.now());
    tour.say(format_args!("   {now}  the laptop gives up: {error}"));
    await_end(tour, network, &mut receiver)?;
    let now = clock(network.now());
    tour.say(format_args!(
        "   {now}  the cable is in again, and the laptop tries again"
    ));
    network.set_cable(true);
    send(tour, network, &mut receiver, &content, false)?
        .map_err(|error| Failure::of(NAME, error))?;
    tour.account(&network.ledger.take());
    let arrived = receiver.app.store().image().map(|image| image.bytes);
    tour.compare(&content, arrived.unwrap_or_default())
}

/// Runs the device until it has given up the dead connection too: meanwhile it would refuse a second sender.
fn await_end(
    tour: &mut Tour,
    network: &mut Network,
    receiver: &mut Receiver,
) -> Result<(), Failure> {
    let mut ended = false;
    while !ended {
        network.rest()?;
        let show = |now: Tick, _host: usize, event: &Event<'_>| {
            if let Event::Failed { error, .. } = event {
                tour.say(format_args!(
                    "   {}  the device gives up: {error}",
                    clock(now)
                ));
                ended = true;
            }
        };
        let seats = &mut [receiver.slot.seat(&mut receiver.app)];
        network.turn(seats, &mut [], show);
    }
    Ok(())
}

/// One try to send the file; the cable may be pulled in the middle of it.
fn send(
    tour: &mut Tour,
    network: &mut Network,
    receiver: &mut Receiver,
    content: &[u8],
    pull: bool,
) -> Result<Result<(), Error>, Failure> {
    let (socket, to) = (network.add_socket(LAPTOP), endpoint(DEVICE, PORT));
    let mut sender = Send::checked(socket, to, NAME, content, SendOptions::default());
    let mut slot = Slot::new();
    let mut meter = Meter::new();
    let mut pulls_at = pull.then_some(PULLED_AT_BYTES);
    loop {
        let mut pulled = false;
        let show = |now: Tick, host: usize, event: &Event<'_>| match *event {
            _ if host == LAPTOP => {}
            Event::Progress {
                bytes,
                total: Some(total),
            } => {
                meter.show(tour, now, bytes, total);
                pulled = pulls_at.is_some_and(|at| bytes >= at);
            }
            Event::Resumed { offset } => {
                let now = clock(now);
                tour.say(format_args!(
                    "   {now}  the device holds {offset} bytes already: only the rest is sent"
                ));
            }
            Event::Stored { length, .. } => {
                let now = clock(now);
                tour.say(format_args!(
                    "   {now}  stored and verified: {length} bytes"
                ));
            }
            _ => {}
        };
        let seats = &mut [receiver.slot.seat(&mut receiver.app)];
        network.turn(seats, &mut [slot.seat(&mut sender)], show);
        if pulled {
            pulls_at = None;
            network.set_cable(false);
            let now = clock(network.now());
            tour.say(format_args!("   {now}  the laptop's cable is pulled"));
        }
        if let Some(outcome) = slot.outcome() {
            return Ok(outcome);
        }
        network.rest()?;
    }
}
