//! GETs whose program was stopped for a while: what came meanwhile counts, and the deadlines of
//! states that it reaches.

use tickwire_sim::ethernet::PORTS_MAX;

use super::*;

/// Runs a GET for `on_time`, then the server alone for `late`, then both to the end.
fn get_under_a_late_clock<S: Sink + 'static>(
    net: &mut Fixture,
    app: Get<'static, S>,
    acts: &[Act<'static>],
    (on_time, late): (Duration, Duration),
) -> (Result<(), GetError>, Get<'static, S>) {
    net.script(SERVER, Opening::Listen(80), acts);
    let get = net.start(CLIENT, app);
    net.run(on_time);
    net.hosts[CLIENT].is_paused = true;
    net.run(late);
    net.hosts[CLIENT].is_paused = false;
    let result = net.finish(get, secs(60));
    (result, net.stop(get))
}

/// The body comes a second after the head.
const LATE_BODY: [Act<'static>; 4] = [
    REQUEST_END,
    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"),
    Act::Wait(secs(1)),
    Act::Send(b"hello"),
];

#[test]
fn get_takes_a_body_that_is_here_though_its_deadline_has_passed() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let sink = BufferSink::new(leak(0u8, 64));
    let get = get(handle, GetOptions::default(), sink);
    // The client does not look for a minute.
    let times = (ms(500), secs(60));
    let (result, get) = get_under_a_late_clock(&mut net, get, &LATE_BODY, times);
    assert_eq!(result, Ok(()));
    assert_eq!(get.into_sink().bytes(), b"hello");
}

#[test]
fn get_that_is_late_in_mid_request_times_out_on_the_head() {
    let mut net = Fixture::guarded(1, 3);
    // The request does not fit into the send buffer: its second half waits for an acknowledgement.
    let handle = net.add_socket(CLIENT, 64);
    assert!(request().len() > 64);
    let get = get(handle, GetOptions::default(), Discard);
    // ARP, SYN and the first half take the turns of tick 0, and then nobody looks for 11 s.
    net.world.ethernet.set_link(
        SERVER,
        Link {
            delay_micros: 1_000,
            ..Link::PERFECT
        },
    );
    let times = (ms(2), secs(11));
    let silent = [REQUEST_END, Act::Wait(secs(60))];
    let (result, _) = get_under_a_late_clock(&mut net, get, &silent, times);
    assert_eq!(result, Err(timed_out(TimeoutKind::Reply)));
}

/// A frame for the client that nobody wants and nobody answers.
fn junk() -> Vec<u8> {
    let mut frame = vec![2, 0, 10, 0, 0, 1, 2, 0, 10, 0, 0, 3, 0x88, 0xb5];
    frame.resize(60, 0);
    frame
}

#[test]
fn get_takes_a_body_that_waits_after_more_frames_than_a_turn_takes_in() {
    const JUNK: usize = 200;
    const { assert!(JUNK > tickwire::INGRESS_MAX && PORTS_MAX > 2) };
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let sink = BufferSink::new(leak(0u8, 64));
    let app = get(handle, GetOptions::default(), sink);
    net.script(SERVER, Opening::Listen(80), &LATE_BODY);
    let get = net.start(CLIENT, app);
    net.run(ms(500));
    net.hosts[CLIENT].is_paused = true;
    for _ in 0..JUNK {
        net.world.ethernet.port(2).send(&junk());
    }
    net.run(secs(60));
    // Only what waits now is in the device.
    net.hosts[SERVER].is_paused = true;
    net.hosts[CLIENT].is_paused = false;

    let sent = net.world.ethernet.counts(CLIENT).sent;
    let now = net.now();
    net.run_until(secs(1), |net| {
        let ethernet = &net.world.ethernet;
        let is_drained = ethernet.next_due_at(CLIENT).is_none_or(|due| due > now);
        let is_silent = ethernet.counts(CLIENT).sent == sent;
        assert!(
            is_drained || is_silent,
            "something left before the device was drained"
        );
        is_drained
    });
    assert_eq!(net.now(), now);
    net.hosts[SERVER].is_paused = false;
    assert_eq!(net.finish(get, secs(60)), Ok(()));
    assert_eq!(net.stop(get).into_sink().bytes(), b"hello");
}
