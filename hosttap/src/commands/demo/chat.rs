//! Part 3 of the tour: the two hosts chat.

use smoltcp::iface::SocketHandle;
use tickwire::chat::{Chat, Options};
use tickwire::{Event, Task, Tick};

use super::network::{DEVICE, LAPTOP, Network, endpoint, name};
use super::output::{Output, VecSink, time_column};
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

/// One side of the chat, and what it received.
struct ChatHost {
    index: usize,
    task: Task<Chat<'static, VecSink>>,
}

impl ChatHost {
    fn new(network: &mut Network, host: usize) -> Self {
        let sockets: [SocketHandle; 2] = [network.add_socket(host), network.add_socket(host)];
        let options = Options {
            once: true,
            ..Options::DEFAULT
        };
        // The chat lives as long as the program, so its memory may leak.
        let (line, queue) = (vec![0; LINE_BYTES].leak(), vec![0; QUEUE_BYTES].leak());
        Self {
            index: host,
            task: Task::new(Chat::new(sockets, line, queue, VecSink::default(), options)),
        }
    }

    fn has_received(&mut self, line: &str) -> bool {
        let received = &self.task.app_mut().sink_mut().0;
        received.strip_suffix(b"\n") == Some(line.as_bytes())
    }
}

/// The two hosts chat, and close the conversation.
pub(super) fn chat(output: &mut Output, network: &mut Network) -> Result<(), Failure> {
    output.print_title(3, "They chat: the device listens, the laptop dials");
    let mut pair = [DEVICE, LAPTOP].map(|host| ChatHost::new(network, host));
    let [device, laptop] = &mut pair;
    device.task.app_mut().listen(PORT);
    laptop.task.app_mut().dial(endpoint(DEVICE, PORT));
    for (speaker, line) in DIALOGUE {
        let [device, laptop] = &mut pair;
        let (sender, receiver) = if speaker == DEVICE {
            (device, laptop)
        } else {
            (laptop, device)
        };
        sender
            .task
            .app_mut()
            .push_line(line.as_bytes())
            .expect("the queue has room for a line of this dialogue");
        receiver.task.app_mut().sink_mut().0.clear();
        run_until(output, network, &mut pair, |pair| {
            pair.iter_mut()
                .any(|host| host.index != speaker && host.has_received(line))
        })?;
        let now = time_column(network.now());
        output.print(format_args!("   {now}  {:>6}: {line}", name(speaker)));
    }
    let [_, laptop] = &mut pair;
    laptop.task.app_mut().end_input();
    run_until(output, network, &mut pair, |pair| {
        pair.iter().all(|host| host.task.is_finished())
    })?;
    for host in &pair {
        if let Some(Err(error)) = host.task.outcome() {
            return Err(Failure::from_core("chat", *error));
        }
    }
    output.print_frame_counts(&network.take_frames());
    Ok(())
}

fn run_until(
    output: &mut Output,
    network: &mut Network,
    pair: &mut [ChatHost; 2],
    is_done: impl Fn(&mut [ChatHost; 2]) -> bool,
) -> Result<(), Failure> {
    loop {
        let on_event = |now: Tick, host: usize, event: &Event| {
            let what = match *event {
                Event::Listening { port } => format!("listens on port {port}"),
                Event::Connected { remote, .. } => format!("is connected with {remote}"),
                Event::Disconnected { remote } => format!("has ended the chat with {remote}"),
                _ => return,
            };
            output.print(format_args!(
                "   {}  {} {what}",
                time_column(now),
                name(host)
            ));
        };
        let [device, laptop] = pair.each_mut().map(|host| &mut host.task);
        network.turn(&mut [device], &mut [laptop], on_event);
        if is_done(pair) {
            return Ok(());
        }
        network.advance()?;
    }
}
