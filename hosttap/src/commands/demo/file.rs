//! Part 4 of the tour: the laptop sends a file, and its cable is pulled in the middle.

use tickwire::file::{
    self, FileReceiver, FileSender, ReceiveError, ReceiverOptions, SendError, SenderOptions,
};
use tickwire::store::MemoryStore;
use tickwire::{Event, Task, Tick};
use tickwire_sim::fill_byte;

use super::network::{DEVICE, LAPTOP, Network, endpoint};
use super::output::{Output, ProgressPrinter, time_column};
use crate::exit::{Exit, Failure};

const PORT: u16 = 2001;
const NAME: &str = "settings.bin";
const FILE_BYTES: usize = 256 * 1024;
/// The cable is pulled after this many bytes.
const PULL_AT_BYTES: u64 = 100_000;

/// The receiver on the device. It outlives the first sender.
type Receiver = Task<FileReceiver<MemoryStore<'static>>>;

/// Sends a file, loses the connection, and resumes the transfer.
pub(super) fn upload(output: &mut Output, network: &mut Network) -> Result<(), Failure> {
    let title = format!("The laptop sends {NAME}, {FILE_BYTES} bytes, in the checked form");
    output.print_title(4, &title);
    let content: Vec<u8> = (0..FILE_BYTES as u64).map(fill_byte).collect();
    // The store lives as long as the program, so its memory may leak.
    let [first, second] = [(); 2].map(|()| vec![0; FILE_BYTES].leak());
    let store = MemoryStore::new(first, second);
    let socket = network.add_socket(DEVICE);
    let receiver = FileReceiver::new(socket, PORT, store, ReceiverOptions::default());
    let mut receiver = Task::new(receiver);
    let outcome = send(output, network, &mut receiver, &content, true)?;
    let Err(error) = outcome else {
        return Err(Failure::new(Exit::Unknown, "the cable was not pulled"));
    };
    let now = time_column(network.now());
    output.print(format_args!("   {now}  the laptop gives up: {error}"));
    await_failure(output, network, &mut receiver)?;
    let now = time_column(network.now());
    output.print(format_args!(
        "   {now}  the cable is in again, and the laptop tries again"
    ));
    network.set_cable(true);
    send(output, network, &mut receiver, &content, false)?
        .map_err(|error| Failure::from_core(NAME, error))?;
    output.print_frame_counts(&network.take_frames());
    let arrived = receiver.app().store().image().map(|image| image.bytes);
    output.compare_digests(&content, arrived.unwrap_or_default())
}

/// Runs the device until it gives up the dead connection too. Until then it refuses a second sender.
fn await_failure(
    output: &mut Output,
    network: &mut Network,
    receiver: &mut Receiver,
) -> Result<(), Failure> {
    let mut has_failed = false;
    while !has_failed {
        network.advance()?;
        let on_event = |now: Tick, _host: usize, event: &Event| {
            if let Some(error) = event.error::<ReceiveError>() {
                output.print(format_args!(
                    "   {}  the device gives up: {error}",
                    time_column(now)
                ));
                has_failed = true;
            }
        };
        network.turn(&mut [&mut *receiver], &mut [], on_event);
    }
    Ok(())
}

/// One attempt to send the file. With `pull_cable`, the cable is pulled in the middle of it.
fn send(
    output: &mut Output,
    network: &mut Network,
    receiver: &mut Receiver,
    content: &[u8],
    pull_cable: bool,
) -> Result<Result<(), SendError>, Failure> {
    let (socket, to) = (network.add_socket(LAPTOP), endpoint(DEVICE, PORT));
    let sender = FileSender::checked(socket, to, NAME, content, SenderOptions::default());
    let mut sender = Task::new(sender);
    let mut progress = ProgressPrinter::default();
    let mut pull_at = pull_cable.then_some(PULL_AT_BYTES);
    loop {
        let mut is_pull_due = false;
        let on_event = |now: Tick, host: usize, event: &Event| match *event {
            _ if host == LAPTOP => {}
            Event::Progress {
                bytes,
                total: Some(total),
            } => {
                progress.update(output, now, bytes, total);
                is_pull_due = pull_at.is_some_and(|at| bytes >= at);
            }
            _ => print_file_event(output, now, event),
        };
        network.turn(&mut [&mut *receiver], &mut [&mut sender], on_event);
        if is_pull_due {
            pull_at = None;
            network.set_cable(false);
            let now = time_column(network.now());
            output.print(format_args!("   {now}  the laptop's cable is pulled"));
        }
        if let Some(outcome) = sender.outcome() {
            return Ok(*outcome);
        }
        network.advance()?;
    }
}

fn print_file_event(output: &mut Output, now: Tick, event: &Event) {
    let now = time_column(now);
    match event.app() {
        Some(file::Event::Resumed { offset }) => output.print(format_args!(
            "   {now}  the device holds {offset} bytes already: only the rest is sent"
        )),
        Some(file::Event::Stored { length, .. }) => output.print(format_args!(
            "   {now}  stored and verified: {length} bytes"
        )),
        _ => {}
    }
}
