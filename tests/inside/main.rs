//! The program of `docs/inside-your-program.md`, on a virtual Ethernet.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

#[path = "../guide/ask.rs"]
mod ask;
mod network;
mod own_sockets;
mod program;
#[path = "../guide/udp_echo.rs"]
mod udp_echo;

use network::Network;
use tickwire::http::GetError;
use tickwire::{Event, Role, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use udp_echo::Echoed;

/// What the program did within two minutes.
struct Seen {
    /// How many bytes of signs of life the monitor heard.
    heard: usize,
    /// When the program called for its settings.
    called_at: Option<Tick>,
    /// How many answers of the monitor came back.
    answers: u32,
    outcome: Option<Result<(), GetError>>,
    settings: [u8; 8],
    /// What the program's echo server sent back.
    echo: Vec<u8>,
}

fn run(seed: u64, link: Link) -> Seen {
    let (mut bytes, mut ports) = ([[0; 1_514]; 64], [const { PortState::new() }; 2]);
    let mut frames = bytes.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
    let ethernet = Ethernet::new(seed, &mut ports[..], &mut frames[..]);
    ethernet.set_link(0, link);
    ethernet.set_link(1, link);
    let mut network = Network::new(ethernet.port(1));
    let (mut heard, mut called_at) = (0, None);
    let mut observer = |now: Tick, _: &'static str, event: &Event| {
        if matches!(
            event,
            Event::Connected {
                role: Role::Server,
                ..
            }
        ) {
            called_at.get_or_insert(now);
        }
        heard += event.app::<Echoed>().map_or(0, |echoed| echoed.bytes);
    };
    // The other host takes its turns while the program sleeps.
    let sleep_until_frame_or = |wake: Tick| {
        let is_due = |due: Option<Tick>| due.is_some_and(|due| due <= ethernet.now());
        loop {
            let next = network.round(ethernet.now(), &mut observer);
            if is_due(ethernet.next_due_at(0)) || ethernet.now() >= wake {
                return;
            }
            let next = next.into_iter().chain(ethernet.next_due());
            let next = next.fold(wake, Tick::min);
            ethernet.set_now(next.max(ethernet.now()));
        }
    };
    let mut settings = [0; 8];
    let until = Tick::from_millis(120_000);
    let now = || ethernet.now();
    let (answers, outcome) = program::run(
        ethernet.port(0),
        now,
        sleep_until_frame_or,
        until,
        &mut settings,
    );
    Seen {
        heard,
        called_at,
        answers,
        outcome,
        settings,
        echo: network.caller.app().session().answer.to_vec(),
    }
}

#[test]
fn a_program_keeps_its_sockets_and_runs_tasks_beside_them() {
    let seen = run(1, Link::PERFECT);
    assert_eq!(seen.outcome, Some(Ok(())));
    assert_eq!(&seen.settings, b"blink=on");
    assert_eq!(seen.echo, b"are you there?\n");
    // Address, name and call took as long as the frames did, and nobody slept between them.
    assert_eq!(seen.called_at, Some(Tick::ZERO));
    // The first sign of life had no address to come from.
    assert_eq!((seen.heard, seen.answers), (55, 11));
}

#[test]
fn it_does_so_too_where_frames_are_lost_and_late() {
    let link = Link {
        loss_ppm: 50_000,
        delay_micros: 20_000,
        ..Link::PERFECT
    };
    for seed in 0..20 {
        let seen = run(seed, link);
        assert_eq!(seen.outcome, Some(Ok(())), "seed {seed}");
        assert_eq!(&seen.settings, b"blink=on", "seed {seed}");
        assert_eq!(seen.echo, b"are you there?\n", "seed {seed}");
        assert!(seen.answers > 5, "seed {seed}: {}", seen.answers);
    }
}
