//! Peers that read slowly, and endpoints that do.

use std::cell::RefCell;
use std::rc::Rc;

use tickwire::websocket::{Kind, MessageQueue, QueueSlot};
use tickwire::{Error, TimeoutKind};

use super::*;

/// Members of one room: what one says, all get, each by a queue of its own.
struct Member {
    room: Rc<RefCell<Vec<MessageQueue<'static>>>>,
    number: usize,
    is_slow: Rc<RefCell<Vec<usize>>>,
}

impl Endpoint for Member {
    fn on_part(&mut self, _: &mut Channel, part: Part) -> bool {
        for (number, queue) in self.room.borrow_mut().iter_mut().enumerate() {
            if queue.push(part).is_err() {
                self.is_slow.borrow_mut().push(number);
            }
        }
        true
    }

    fn transmit(&mut self, channel: &mut Channel) {
        channel.send_queued(&mut self.room.borrow_mut()[self.number]);
        if self.is_slow.borrow().contains(&self.number) {
            channel.close(CloseCode::TRY_AGAIN_LATER, "too slow");
        }
    }

    fn on_end(&mut self, _: &Result<(), WebSocketError>) {
        self.room.borrow_mut()[self.number].clear();
        let mut is_slow = self.is_slow.borrow_mut();
        is_slow.retain(|number| *number != self.number);
    }
}

fn room() -> (Fixture, TaskId<Server<WebSocket<'static, Member>, 2>>) {
    let mut net = Fixture::guarded(1, 3);
    let sockets = [(); 2].map(|()| net.add_socket_with(SERVER, BUFFER, 512));
    let queue = || {
        let slots: Vec<_> = (0..8).map(|_| QueueSlot::EMPTY).collect();
        MessageQueue::new(slots.leak(), leak(0, 2_000))
    };
    let room = Rc::new(RefCell::new(vec![queue(), queue()]));
    let is_slow = Rc::default();
    let sessions = [0, 1].map(|number| {
        let member = Member {
            room: Rc::clone(&room),
            number,
            is_slow: Rc::clone(&is_slow),
        };
        WebSocket::server(leak(0, 1_000), Options::default(), member)
    });
    let server = Server::new(sockets, PORT, sessions, ServerOptions::default());
    let server = net.start(SERVER, server);
    (net, server)
}

#[test]
fn a_message_that_is_longer_than_the_send_buffer_goes_out_piece_by_piece() {
    let (mut net, _) = room();
    let long = [b'x'; 1_000];
    let acts = [
        Act::Send(masked(true, Opcode::Binary, &long)),
        Act::Send(masked(true, Opcode::Ping, b"!")),
        Act::Read(1_004 + 3),
        close(1000),
        Act::Expect(b"\x88\x02\x03\xe8"),
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()));
    assert_eq!(net.app(caller).received(), 1_004 + 3 + 4);
}

#[test]
fn what_waits_when_the_peer_closes_is_sent_before_the_answer() {
    let (mut net, _) = room();
    let bytes = [
        masked(true, Opcode::Text, b"last words"),
        masked(true, Opcode::Close, b"\x03\xe8"),
    ];
    let acts = [
        Act::Send(bytes.concat().leak()),
        Act::Expect(b"\x81\x0alast words\x88\x02\x03\xe8"),
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
}

#[test]
fn a_member_that_does_not_read_is_closed_and_slows_nobody() {
    let (mut net, _) = room();
    // It reads nothing for 4 s: longer than the others talk, shorter than the time to close.
    let mut slow_acts = vec![Act::Stall(secs(4))];
    let reason = [&1013_u16.to_be_bytes()[..], b"too slow"].concat();
    slow_acts.push(Act::Expect(plain(Opcode::Close, &reason)));
    slow_acts.extend([close(1013), Act::ExpectEnd]);
    let dial = Opening::Dial(endpoint(SERVER, PORT));
    let socket = net.add_socket_with(OTHER, 256, 256);
    let slow = net.start(OTHER, Script::new(socket, dial, slow_acts.leak()));
    net.run(ms(100));
    let line = "y".repeat(300);
    let mut acts = Vec::new();
    for _ in 0..50 {
        acts.extend([
            text(&line),
            Act::Expect(plain(Opcode::Text, line.as_bytes()).split_at(200).1),
        ]);
        acts.push(Act::Wait(ms(10)));
    }
    acts.extend([close(1000), Act::ExpectEnd]);
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(3)), Ok(()), "{}", net.log.borrow());
    assert_eq!(net.finish(slow, secs(10)), Ok(()), "{}", net.log.borrow());
    net.run(secs(3));
    let closed = "failed with 10.0.0.3: Closed(CloseCode(1013))";
    assert!(net.has_told(SERVER, closed), "{}", net.log.borrow());
}

#[test]
fn a_member_that_never_reads_again_is_reset_five_seconds_after_its_queue_was_full() {
    let (mut net, _) = room();
    let dial = Opening::Dial(endpoint(SERVER, PORT));
    let socket = net.add_socket_with(OTHER, 256, 256);
    let acts = [Act::Stall(secs(60)), Act::ExpectEnd];
    net.start(OTHER, Script::new(socket, dial, acts.to_vec().leak()));
    net.run(ms(100));
    let line = "y".repeat(300);
    let lines = (0..50).flat_map(|_| [text(&line), Act::Wait(ms(10))]);
    let acts: Vec<_> = lines.chain([Act::Wait(secs(9))]).collect();
    let caller = call(&mut net, &acts);
    net.run(secs(8));
    let lost = "failed with 10.0.0.3: Closed(CloseCode(1013))";
    assert!(net.has_told(SERVER, lost), "{}", net.log.borrow());
    assert_eq!(net.outcome(caller), None, "the other is still there");
}

#[test]
fn an_endpoint_that_takes_nothing_closes_the_window_and_goes_on_later() {
    let (mut net, server) = serve(Options::default(), None);
    let message = masked(true, Opcode::Text, &[b'z'; 500]);
    let acts: Vec<_> = (0..20)
        .map(|_| Act::Send(message))
        .chain([Act::Read(20 * 504), close(1000), Act::ExpectEnd])
        .collect();
    let caller = call(&mut net, &acts);
    let busy = |net: &mut Fixture, is_busy| {
        let server = net.app_mut(server);
        let session = server.sessions_mut().next().unwrap();
        session.endpoint_mut().is_busy = is_busy;
    };
    net.run_until(secs(1), |net| first(net, server).messages > 2);
    busy(&mut net, true);
    // Longer than a silent peer is tolerated: our own stall is no silence of the peer.
    net.run(secs(50));
    assert_eq!(net.outcome(caller), None);
    busy(&mut net, false);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
    assert_eq!(first(&net, server).messages, 20);
}

#[test]
fn an_endpoint_that_takes_nothing_for_a_minute_costs_the_connection() {
    let (mut net, server) = serve(Options::default(), None);
    let caller = call(&mut net, &[Act::Wait(secs(1)), text("a"), Act::ExpectEnd]);
    net.run(ms(500));
    let server_app = net.app_mut(server);
    let session = server_app.sessions_mut().next().unwrap();
    session.endpoint_mut().is_busy = true;
    net.finish(caller, secs(90)).ok();
    assert_eq!(net.now().as_millis() / 1_000, 61);
    let timeout = Error::TimedOut(TimeoutKind::Sink);
    let ended = Some(Err(WebSocketError::Connection(timeout)));
    assert_eq!(first(&net, server).ended, ended);
}

/// Streams a message of any length in parts, and counts what comes.
#[derive(Default)]
struct Counting {
    bytes: usize,
    parts: usize,
    messages: usize,
}

impl Endpoint for Counting {
    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        if !channel.send(part) {
            return false;
        }
        assert_eq!(part.kind, Kind::Text);
        self.bytes += part.bytes.len();
        self.parts += 1;
        self.messages += usize::from(part.is_last);
        true
    }
}

#[test]
fn a_message_of_any_length_streams_through_a_small_buffer() {
    let options = Options {
        delivery: tickwire::websocket::Delivery::Parts,
        ..Options::default()
    };
    let mut net = Fixture::guarded(1, 2);
    let socket = net.add_socket(SERVER, BUFFER);
    let session = WebSocket::server(leak(0, 64), options, Counting::default());
    let server = Server::new([socket], PORT, [session], ServerOptions::default());
    let server = net.start(SERVER, server);
    let long = "é".repeat(20_000);
    let acts = [
        Act::Send(masked(true, Opcode::Text, long.as_bytes())),
        Act::Wait(secs(1)),
        close(1000),
        expect_close(1000),
        Act::ExpectEnd,
    ];
    let caller = call(&mut net, &acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
    let counting = net.app(server).sessions().next().unwrap().endpoint();
    assert_eq!((counting.bytes, counting.messages), (40_000, 1));
    assert!(counting.parts >= 40_000 / 64);
    // Every part is a fragment: a header of two bytes before its payload.
    let expected = 40_000 + 2 * counting.parts + 4;
    assert_eq!(net.app(caller).received(), expected as u64);
}
