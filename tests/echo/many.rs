//! A server of four callers at a time.

use tickwire::{Connection, EchoSession, Server, ServerOptions, Session};
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

use super::*;

const SOCKETS: usize = 4;

/// Four callers on host 0 and an echo server for as many on host 1.
fn four() -> (Fixture, TaskId<Echo<SOCKETS>>) {
    let mut net = Fixture::guarded(3, 2);
    let sockets = [(); SOCKETS].map(|()| net.add_socket(SERVER, BUFFER));
    let echo = net.start(SERVER, Echo::<SOCKETS>::echo(sockets, 7, false));
    (net, echo)
}

/// Says hello, waits, and says it again.
fn talk(time: Duration) -> Vec<Act<'static>> {
    [&HELLO[..], &[Act::Wait(time)], &HELLO].concat()
}

/// Number of lines of the server that begin like this.
fn told(net: &Fixture, line: &str) -> usize {
    let lines = net.told(SERVER);
    lines.iter().filter(|told| told.starts_with(line)).count()
}

#[test]
fn four_callers_are_served_at_once_and_a_fifth_when_one_of_them_has_gone() {
    let (mut net, echo) = four();
    let callers = [(); SOCKETS].map(|()| net.script(CLIENT, DIAL(), &talk(secs(10))));
    net.run(secs(5));
    let fifth = net.script(CLIENT, DIAL(), &HELLO);
    net.run(secs(4));
    assert_eq!(net.outcome(fifth), None);
    net.run(secs(15));
    assert_eq!(net.outcome(fifth), Some(Ok(())));
    assert_eq!(callers.map(|caller| net.outcome(caller)), [Some(Ok(())); 4]);
    assert_eq!(told(&net, "connected as Server"), SOCKETS + 1);
    assert_eq!(told(&net, "disconnected"), SOCKETS + 1);
    assert_eq!(net.outcome(echo), None);
}

#[test]
fn two_thousand_callers_that_each_call_right_after_the_last_eof_are_all_served() {
    const CALLERS: usize = 2_000;
    let (mut net, _) = four();
    // With a delay, so that the caller's 1,024 local ports last.
    net.set_links(Link {
        delay_micros: 3_000,
        ..Link::PERFECT
    });
    let socket = net.add_socket(CLIENT, BUFFER);
    let acts = &[HELLO[0], HELLO[1], Act::Close, Act::ExpectEnd];
    for number in 0..CALLERS {
        let caller = net.start(CLIENT, tickwire_sim::Script::new(socket, DIAL(), acts));
        assert_eq!(net.finish(caller, secs(5)), Ok(()), "caller {number}");
        net.stop(caller);
    }
    net.run(secs(2));
    assert_eq!(told(&net, "disconnected"), CALLERS);
    assert_eq!(told(&net, "failed"), 0);
}

/// Keeps the SYNs of host 0, and counts those of host 1.
#[derive(Default)]
struct Syns {
    ours: Vec<Vec<u8>>,
    answers: usize,
}

impl FrameObserver for Syns {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        let is_tcp = frame.len() > 47 && frame[12..14] == [8, 0] && frame[23] == 6;
        if event.fate != Fate::Sent || !is_tcp || frame[47] & 2 == 0 {
            return;
        }
        match event.from {
            CLIENT => self.ours.push(frame.to_vec()),
            _ => self.answers += 1,
        }
    }
}

/// All orders of the numbers 0 to 3.
fn orders() -> Vec<[usize; SOCKETS]> {
    let all = (0..256).map(|n| [n / 64 % 4, n / 16 % 4, n / 4 % 4, n % 4]);
    let orders: Vec<_> = all
        .filter(|order| (0..SOCKETS).all(|n| order.contains(&n)))
        .collect();
    assert_eq!(orders.len(), 24);
    orders
}

#[test]
fn a_late_duplicate_of_a_syn_meets_its_connection_and_no_listener() {
    for order in orders() {
        let (mut net, _) = four();
        let syns: &'static RefCell<Syns> = Box::leak(Box::default());
        net.world.ethernet.observe(Some(syns));
        // Caller n ends at second `order[n] + 1`.
        let callers = order.map(|rank| {
            let caller = net.script(CLIENT, DIAL(), &talk(secs(rank as u64 + 1)));
            net.run(ms(1));
            caller
        });
        assert_eq!((syns.borrow().ours.len(), syns.borrow().answers), (4, 4));
        net.run(ms(500));
        for ended in 0..SOCKETS {
            let open = (0..SOCKETS).filter(|&caller| order[caller] >= ended);
            for caller in open {
                let syn = syns.borrow().ours[caller].clone();
                net.world.ethernet.port(CLIENT).send(&syn);
                net.run(ms(10));
            }
            assert_eq!(syns.borrow().answers, 4, "{order:?} after {ended} ends");
            net.run(ms(960));
        }
        net.run(secs(2));
        let outcomes = callers.map(|caller| net.outcome(caller));
        assert_eq!(outcomes, [Some(Ok(())); 4], "{order:?}");
        assert_eq!(told(&net, "failed"), 0, "{order:?}");
    }
}

/// An echo that leaves much for the next conversation to find, if it is the first of its server.
struct Untidy {
    talks: u32,
    ends: Rc<RefCell<Vec<Result<(), Error>>>>,
}

impl Session for Untidy {
    type Error = Error;

    fn name(&self) -> &'static str {
        "untidy"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        self.talks += 1;
        assert_eq!(connection.unacknowledged(), 0);
        let socket = connection.socket();
        assert_eq!((socket.timeout(), socket.keep_alive()), (None, None));
        assert!(socket.nagle_enabled());
        if self.talks == 1 {
            socket.set_nagle_enabled(false);
            socket.set_timeout(Some(smoltcp::time::Duration::from_secs(2)));
            socket.set_keep_alive(Some(smoltcp::time::Duration::from_secs(1)));
            connection.set_idle_timeout(Some(secs(5)), TimeoutKind::Request);
            connection.stall_idle(None);
            connection.resume_idle();
            connection.write(&[b'x'; 300])?;
        }
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        EchoSession.step(connection)
    }

    fn end(&mut self, _: &mut Connection, result: Result<(), Error>) -> Result<(), Error> {
        self.ends.borrow_mut().push(result);
        assert_eq!(self.ends.borrow().len(), self.talks as usize);
        result
    }
}

#[test]
fn nothing_of_one_conversation_reaches_the_next_on_its_socket() {
    // The first caller resets, vanishes, or leaves bytes that nobody reads.
    let goodbyes: [&[Act<'static>]; 3] = [
        &[Act::Wait(ms(50)), Act::Reset],
        &[Act::Stall(secs(30)), Act::Reset],
        &[Act::Send(&[b'y'; 9_000]), Act::Stall(ms(50)), Act::Reset],
    ];
    for goodbye in goodbyes {
        let mut net = Fixture::guarded(3, 2);
        let socket = net.add_socket(SERVER, BUFFER);
        let ends = Rc::<RefCell<Vec<_>>>::default();
        let session = Untidy {
            talks: 0,
            ends: Rc::clone(&ends),
        };
        net.start(
            SERVER,
            Server::new([socket], 7, [session], ServerOptions::default()),
        );
        let first = net.script(CLIENT, DIAL(), goodbye);
        net.finish(first, secs(60)).ok();
        net.run(secs(2));
        // 18 seconds of silence are within the period of the server, and the first byte that comes
        // is the caller's own echo.
        let acts = [
            &[Act::Wait(secs(18))],
            &HELLO[..],
            &[Act::Close, Act::ExpectEnd],
        ]
        .concat();
        let second = net.script(CLIENT, DIAL(), &acts);
        assert_eq!(
            net.finish(second, secs(60)),
            Ok(()),
            "{goodbye:?} {}",
            net.log.borrow()
        );
        assert_eq!(net.app(second).received(), 5, "{goodbye:?}");
        net.run(secs(2));
        let ends = ends.borrow();
        assert!(
            ends.len() == 2 && ends[0].is_err() && ends[1].is_ok(),
            "{ends:?}"
        );
    }
}
