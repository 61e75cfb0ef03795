//! How long a GET waits, and for what.

use super::*;

#[test]
fn get_gives_up_after_the_connect_deadline_whether_arp_or_syn_is_unanswered() {
    for cut in [false, true] {
        let mut net = Fixture::guarded(1, 3);
        let remote = if cut {
            endpoint(1, 80)
        } else {
            endpoint(77, 80)
        };
        if cut {
            // ARP is answered, everything after it is lost.
            let arp_only = |_, frame: &[u8]| {
                (frame[12..14] != [8, 6]).then_some(tickwire_sim::ethernet::Action::Drop)
            };
            net.world.ethernet.set_rule(CLIENT, Some(arp_only));
        }
        let (result, at) = dial(&mut net, remote, &[Act::ExpectEnd]);
        assert_eq!(result, Err(timed_out(TimeoutKind::Connect)));
        assert!((5_000..5_200).contains(&at.as_millis()), "{at}");
    }
}

#[test]
fn get_times_out_when_the_head_does_not_come_whole() {
    assert_eq!(
        failed(&[REQUEST_END, Act::Wait(secs(60))]).0,
        timed_out(TimeoutKind::Reply)
    );
    // A byte every second is not silence, but the deadline is absolute.
    let drip = [
        REQUEST_END,
        Act::Drip(b"HTTP/1.0 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaaaaaa", secs(1)),
    ];
    let (error, at) = failed(&drip);
    assert_eq!(error, timed_out(TimeoutKind::Reply));
    assert!((10_000..10_200).contains(&at), "{at}");
}

#[test]
fn get_times_out_on_a_body_that_drips() {
    let head = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let (error, at) = failed(&[REQUEST_END, head, Act::Drip(&[b'x'; 600], ms(500))]);
    assert_eq!(error, timed_out(TimeoutKind::Receive));
    // 40 bytes in 20 s are fewer than 256.
    assert!((20_000..20_300).contains(&at), "{at}");
}

#[test]
fn get_accepts_a_slow_body_that_keeps_the_pace() {
    let head = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\n");
    let (result, body, at) = fetch(
        GetOptions::default(),
        &[REQUEST_END, head, Act::Drip(&[b'x'; 600], ms(60))],
    );
    assert_eq!(result.map(|complete| complete.bytes), Ok(600));
    assert!(body.len() == 600 && at > 35_000);
}

#[test]
fn get_keeps_its_total_deadline_whatever_moves() {
    let options = GetOptions {
        total_timeout: Some(secs(3)),
        ..GetOptions::default()
    };
    let head = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 60000\r\n\r\n");
    let (result, _, at) = fetch(
        options,
        &[REQUEST_END, head, Act::Drip(&[b'x'; 60_000], ms(1))],
    );
    assert_eq!(result, Err(timed_out(TimeoutKind::Total)));
    assert!((3_000..3_200).contains(&at), "{at}");
}

#[test]
fn get_times_out_when_its_request_is_not_taken() {
    let mut net = Fixture::guarded(1, 3);
    // The request is longer than the send buffer, and no segment with payload arrives.
    let handle = net.add_socket(CLIENT, 64);
    let no_payload =
        |_, frame: &[u8]| (frame.len() > 80).then_some(tickwire_sim::ethernet::Action::Drop);
    net.world.ethernet.set_rule(CLIENT, Some(no_payload));
    let app = get(handle, GetOptions::default(), Discard);
    let Ended { result, at, .. } = against(&mut net, app, &[REQUEST_END], secs(60));
    assert_eq!(result, Err(timed_out(TimeoutKind::Send)));
    assert!((10_000..10_200).contains(&at.as_millis()), "{at}");
}
