//! A flood that never lets the device run empty.

use smoltcp::socket::tcp::{Socket, State};
use tickwire::{
    Client, ClientOptions, Closing, Connection, Duration, Error, INGRESS_MAX, Session, Step, Task,
};

use crate::common::fixture::{BUFFER, Fixture, endpoint, ms, secs};
use crate::common::mock_app::{MockApp, at};

/// Says nothing, for ever.
struct Nothing;

impl Session for Nothing {
    type Error = Error;

    fn name(&self) -> &'static str {
        "nothing"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        Ok(())
    }

    fn step(&mut self, _: &mut Connection) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn closing(&self) -> Closing {
        Closing::Fin
    }
}

/// A frame that smoltcp drops without an answer.
fn junk() -> [u8; 60] {
    let mut frame = [0xff; 60];
    frame[6..14].copy_from_slice(&[2, 0, 10, 0, 0, 2, 0x88, 0xb5]);
    frame
}

/// When a total timeout of 5 s ends a client whose host gets more frames than a turn takes in, and
/// needs `turn_time` for each turn.
fn ended_after(turn_time: Duration) -> u64 {
    let mut net = Fixture::new(1, 2);
    let socket = net.add_socket(0, BUFFER);
    let theirs = net.add_socket(1, BUFFER);
    net.socket::<Socket<'_>>(1, theirs).listen(80).unwrap();
    let options = ClientOptions {
        total_timeout: Some(secs(5)),
        ..ClientOptions::default()
    };
    let mut task = Task::new(Client::new(socket, endpoint(1, 80), Nothing, options));
    let ethernet = net.ethernet();
    let flooder = ethernet.port(1);
    let stack = &mut net.hosts[0].node.stack;
    let mut now = ethernet.now();
    for _ in 0..10_000 {
        for _ in 0..=INGRESS_MAX {
            flooder.send(&junk());
        }
        now = now + turn_time;
        ethernet.set_now(now);
        stack.turn(now, &mut [&mut task], &mut ());
        if task.is_finished() {
            return now.as_millis();
        }
    }
    panic!("the client never ended");
}

#[test]
fn a_flood_puts_off_a_deadline_by_little_however_slow_the_host() {
    for turn_time in [0, 1, 10, 100, 900].map(ms) {
        let millis = ended_after(turn_time.max(ms(1)));
        assert!(millis <= 12_000, "{turn_time}: {millis} ms");
    }
}

#[test]
fn the_reset_of_a_task_that_ends_leaves_with_its_last_turn_even_after_a_jump_of_the_clock() {
    let mut net = Fixture::new(1, 2);
    let socket = net.add_socket(0, BUFFER);
    let theirs = net.add_socket(1, BUFFER);
    net.socket::<Socket<'_>>(1, theirs).listen(80).unwrap();
    let mut is_dialled = false;
    let app = MockApp::new(&[socket], move |io, deadline| {
        *deadline = at(3_600_000);
        if !is_dialled {
            is_dialled = true;
            io.connect(socket, endpoint(1, 80))?;
        }
        if io.now.as_millis() > 20_000 {
            return Err(Error::Reset);
        }
        Ok(Step::Wait)
    });
    let app = net.start(0, app);
    net.run(ms(100));
    assert_eq!(net.raw(1).state(), State::Established);
    net.hosts[0].is_paused = true;
    // Less than smoltcp remembers the peer's hardware address.
    net.run(secs(30));
    let flooder = net.ethernet().port(1);
    for _ in 0..=INGRESS_MAX {
        flooder.send(&junk());
    }
    net.hosts[0].is_paused = false;
    // The program ends with its task.
    net.run_until(secs(1), |net| net.outcome(app).is_some());
    net.hosts[0].is_paused = true;
    net.run(secs(1));
    assert_eq!(net.raw(1).state(), State::Closed);
}
