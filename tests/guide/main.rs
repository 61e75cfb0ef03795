//! The programs of `docs/writing-an-app.md`, on a virtual Ethernet.

mod ask;
mod commands;
mod udp_ask;
mod udp_echo;

use std::cell::Cell;

use ask::{Ask, AskError};
use commands::Commands;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;
use tickwire::{
    AnyTask, Backoff, Client, ClientOptions, Duration, Error, Event, Server, ServerOptions, Task,
    Tick,
};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{Act, FaultPlan, Node, NodeMemory, Opening, Profile, Script, World};
use udp_ask::{UdpAsk, UdpAskError};
use udp_echo::{Echoed, UdpEcho};

const PORT: u16 = 1234;

/// Memory that a test need not give back.
fn lend<'a, T>(count: usize, make: impl Fn() -> T) -> &'a mut [T] {
    (0..count).map(|_| make()).collect::<Vec<T>>().leak()
}

/// An Ethernet with two ports and room for 64 frames.
fn world<'a>(seed: u64) -> World<'a> {
    let frames = lend(64, || Frame::new(lend(1_514, || 0)));
    World::new(Ethernet::new(seed, lend(2, PortState::new), frames))
}

/// A node with the address 10.0.0.1 at port 0, or 10.0.0.2 at port 1, and room for four sockets.
fn node<'a>(world: &'a World, port: usize) -> Node<'a> {
    let memory = Box::leak(Box::new(NodeMemory::<4>::new()));
    Node::new(&world.ethernet, port, 1, memory)
}

fn socket(node: &mut Node) -> SocketHandle {
    node.add_socket(lend(512, || 0), lend(512, || 0))
}

/// A peer that dials the server and does what the script says.
fn caller<'s>(node: &mut Node, acts: &'s [Act<'s>]) -> Task<Script<'s>> {
    let dial = Opening::Dial((Node::address_of(0), PORT).into());
    Task::new(Script::new(socket(node), dial, acts))
}

/// A command server for two callers at a time.
fn server<'l>(node: &mut Node, lamp: &'l Cell<bool>) -> Task<Server<Commands<'l>, 2>> {
    let sockets = [socket(node), socket(node)];
    let sessions = sockets.map(|_| Commands {
        lamp,
        line: Default::default(),
    });
    let options = ServerOptions::default();
    Task::new(Server::new(sockets, PORT, sessions, options))
}

#[test]
fn callers_share_a_lamp_and_nobody_ends_the_line_of_another() {
    const THINK: Act = Act::Wait(Duration::from_secs(15));
    let (world, lamp) = (world(1), Cell::new(false));
    let (mut here, mut there) = (node(&world, 0), node(&world, 1));
    let mut server = server(&mut here, &lamp);
    let mut silent = caller(&mut there, &[Act::ExpectEnd]);
    let mut cut = caller(&mut there, &[Act::Send(b"o")]);
    let acts = [
        Act::Send(b"n\non\n"),
        Act::Expect(b"what?\non\n"),
        THINK,
        Act::Send(b"state\n"),
        Act::Expect(b"on\n"),
        THINK,
        Act::Send(&[b'x'; 33]),
        Act::Expect(b"too long\n"),
        Act::ExpectEnd,
    ];
    let mut next = caller(&mut there, &acts);
    for (second, caller) in [(10, &mut cut), (100, &mut next)] {
        let ours = &mut [&mut server as _];
        let theirs: &mut [&mut dyn AnyTask] = &mut [&mut silent, caller];
        let nodes = &mut [here.with(ours), there.with(theirs)];
        world.run(Tick::from_millis(1_000 * second), nodes, &mut ());
        assert_eq!(caller.outcome(), Some(&Ok(())));
    }
    assert_eq!(silent.outcome(), Some(&Err(Error::Reset.into())));
    assert!(lamp.get());
}

#[test]
fn a_caller_that_does_not_read_its_answers_loses_none() {
    const LOOK_AWAY: Act = Act::Stall(Duration::from_secs(5));
    let (world, lamp) = (world(1), Cell::new(false));
    let (mut here, mut there) = (node(&world, 0), node(&world, 1));
    let mut server = server(&mut here, &lamp);
    let acts = [Act::Send(&[b'\n'; 500]), LOOK_AWAY, Act::Read(3_000)];
    let mut hasty = caller(&mut there, &acts);
    let (ours, theirs) = (&mut [&mut server as _], &mut [&mut hasty as _]);
    let nodes = &mut [here.with(ours), there.with(theirs)];
    world.run(Tick::from_millis(15_000), nodes, &mut ());
    assert_eq!(hasty.outcome(), Some(&Ok(())));
}

/// A client that calls again after 1 s, 2 s, 4 s and so on up to 30 s.
fn client(node: &mut Node, question: &'static [u8]) -> Task<Client<Ask<'static>, Backoff>> {
    let session = Ask {
        question,
        answer: Default::default(),
        is_sent: false,
    };
    let remote = (Node::address_of(0), PORT).into();
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
    let (socket, options) = (socket(node), ClientOptions::default());
    let client = Client::with_retry(socket, remote, session, options, backoff);
    Task::new(client)
}

#[test]
fn a_question_is_asked_until_a_whole_answer_has_come() {
    let world = world(1);
    let (mut here, mut there) = (node(&world, 1), node(&world, 0));
    let mut client = client(&mut here, b"state\n");
    let asked = Act::Expect(b"state\n");
    let attempts: [&[Act]; 3] = [
        &[Act::Close],
        &[asked, Act::Send(b"of"), Act::Flush, Act::Reset],
        &[asked, Act::Send(b"o"), Act::Send(b"n\n"), Act::ExpectEnd],
    ];
    let (mut until, mut retries) = (Tick::ZERO, 0);
    let mut count = |_: Tick, _: &'static str, event: &Event| {
        retries += u32::from(matches!(event, Event::Retrying { .. }));
    };
    for acts in attempts {
        let mut server = Task::new(Script::new(socket(&mut there), Opening::Listen(PORT), acts));
        let (ours, theirs) = (&mut [&mut client as _], &mut [&mut server as _]);
        let nodes = &mut [here.with(ours), there.with(theirs)];
        until = until + Duration::from_secs(60);
        world.run(until, nodes, &mut count);
        assert_eq!(server.outcome(), Some(&Ok(())));
    }
    assert_eq!(client.outcome(), Some(&Ok(())));
    assert_eq!(client.app().session().answer, b"on\n");
    assert!(retries >= 2, "{retries}");
}

#[test]
fn an_answer_that_is_too_long_is_the_last() {
    let world = world(1);
    let (mut here, mut there) = (node(&world, 1), node(&world, 0));
    let mut client = client(&mut here, b"state\n");
    let acts = [Act::Send(&[b'x'; 33])];
    let mut server = Task::new(Script::new(
        socket(&mut there),
        Opening::Listen(PORT),
        &acts,
    ));
    let (ours, theirs) = (&mut [&mut client as _], &mut [&mut server as _]);
    let nodes = &mut [here.with(ours), there.with(theirs)];
    world.run(Tick::from_millis(1_000), nodes, &mut ());
    assert_eq!(client.outcome(), Some(&Err(AskError::TooLong)));
}

#[test]
fn every_question_is_answered_when_the_network_is_whole_again() {
    for seed in 0..20 {
        let (world, lamp) = (world(seed), Cell::new(true));
        let (mut here, mut there) = (node(&world, 0), node(&world, 1));
        let mut server = server(&mut here, &lamp);
        let mut client = client(&mut there, b"state\n");
        let heal_at = Tick::from_millis(30_000);
        let mut faults = FaultPlan::from_seed(seed, Profile::Bad, 2, heal_at);
        faults.set_links(&world.ethernet);
        let (ours, theirs) = (&mut [&mut server as _], &mut [&mut client as _]);
        let nodes = &mut [here.with(ours), there.with(theirs)];
        world.run_with_faults(&mut faults, heal_at, nodes, &mut ());
        faults.heal(&world.ethernet);
        world.run(heal_at + Duration::from_secs(120), nodes, &mut ());
        assert_eq!(client.outcome(), Some(&Ok(())), "seed {seed}");
        assert_eq!(client.app().session().answer, b"on\n", "seed {seed}");
    }
}

fn udp_socket(node: &mut Node) -> SocketHandle {
    let buffer = || udp::PacketBuffer::new(lend(4, || udp::PacketMetadata::EMPTY), lend(512, || 0));
    node.stack.sockets.add(udp::Socket::new(buffer(), buffer()))
}

/// An echo server at port 7 of 10.0.0.1, and a client of it.
fn udp_pair(here: &mut Node, there: &mut Node) -> (Task<UdpEcho>, Task<UdpAsk<'static>>) {
    let echo = UdpEcho {
        socket: udp_socket(here),
        port: 7,
    };
    let ask = UdpAsk {
        socket: udp_socket(there),
        server: (Node::address_of(0), 7).into(),
        question: b"hello",
        attempts: 0,
        deadline: None,
    };
    (Task::new(echo), Task::new(ask))
}

#[test]
fn a_datagram_comes_back_and_an_event_tells_of_it() {
    let world = world(1);
    let (mut here, mut there) = (node(&world, 0), node(&world, 1));
    let (mut echo, mut ask) = udp_pair(&mut here, &mut there);
    let mut echoed = Vec::new();
    let mut observer = |_: Tick, _: &'static str, event: &Event| {
        echoed.extend(event.app::<Echoed>().map(|echoed| echoed.bytes));
    };
    let (ours, theirs) = (&mut [&mut echo as _], &mut [&mut ask as _]);
    let nodes = &mut [here.with(ours), there.with(theirs)];
    world.run(Tick::from_millis(100), nodes, &mut observer);
    assert_eq!(echoed, [5]);
    assert_eq!(ask.outcome(), Some(&Ok(())));
}

#[test]
fn a_lost_datagram_is_asked_for_again_but_not_for_ever() {
    for (mended_at, outcome) in [(2_500, Ok(())), (60_000, Err(UdpAskError::NoAnswer))] {
        let world = world(1);
        let (mut here, mut there) = (node(&world, 0), node(&world, 1));
        let (mut echo, mut ask) = udp_pair(&mut here, &mut there);
        let (ours, theirs) = (&mut [&mut echo as _], &mut [&mut ask as _]);
        let nodes = &mut [here.with(ours), there.with(theirs)];
        world.ethernet.sever(0, 1);
        world.run(Tick::from_millis(mended_at), nodes, &mut ());
        world.ethernet.mend(0, 1);
        world.run(Tick::from_millis(70_000), nodes, &mut ());
        assert_eq!(ask.outcome(), Some(&outcome));
    }
}
