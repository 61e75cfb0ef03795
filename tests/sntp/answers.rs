//! Servers that tell the time.

use std::collections::HashSet;

use tickwire::sntp::{SntpEvent, SntpOptions};
use tickwire::{Duration, Tick};
use tickwire_sim::ethernet::Link;

use crate::common::fixture::{ms, secs};
use crate::network::{Network, answer};

/// Keeps what the client tells.
fn watch(net: &Network) -> std::rc::Rc<std::cell::RefCell<Vec<SntpEvent>>> {
    let events = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let kept = std::rc::Rc::clone(&events);
    net.fixture.log.borrow_mut().words = Box::new(move |_, _, event| {
        kept.borrow_mut().extend(event.app::<SntpEvent>());
        None
    });
    events
}

#[test]
fn an_answer_sets_the_clock() {
    let mut net = Network::once(1);
    net.serve(1, |question, now| vec![answer(question, now)]);
    assert_eq!(net.error_micros(), None);
    assert_eq!(net.finish(5), Ok(()));
    assert!(net.error_micros().unwrap() <= 1_000);
    net.fixture.run(secs(3_600));
    assert!(net.error_micros().unwrap() <= 1_000);
}

#[test]
fn the_way_of_the_answer_is_accounted_for_and_the_search_for_the_neighbour_is_not() {
    let mut net = Network::once(1);
    let events = watch(&net);
    net.fixture.set_links(Link {
        delay_micros: 20_000,
        ..Link::PERFECT
    });
    net.serve(1, |question, now| vec![answer(question, now)]);
    assert_eq!(net.finish(5), Ok(()));
    let error = net.error_micros().unwrap();
    assert!(error <= 1_000, "{error} microseconds");
    let [
        SntpEvent::Set {
            offset_micros,
            round_trip_micros,
            stratum,
            ..
        },
    ] = events.borrow()[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((offset_micros, stratum), (None, 2));
    // Each frame is on its way for 20 ms on each of the two links, at most.
    assert!(
        (40_000..=81_000).contains(&round_trip_micros),
        "{round_trip_micros}"
    );
}

#[test]
fn each_question_has_a_port_and_a_number_of_its_own() {
    let mut net = Network::new(1, SntpOptions::default());
    let log = net.serve(1, |question, now| vec![answer(question, now)]);
    net.fixture.run(secs(20 * 1_100));
    let log = log.borrow();
    assert!((19..=22).contains(&log.len()), "{} questions", log.len());
    let ports: HashSet<u16> = log.iter().map(|asked| asked.from.endpoint.port).collect();
    let nonces: HashSet<&[u8]> = log.iter().map(|asked| &asked.packet[40..]).collect();
    assert_eq!((ports.len(), nonces.len()), (log.len(), log.len()));
    for pair in log.windows(2) {
        let rest = pair[1].at.since(pair[0].at);
        assert!(rest >= secs(1_024) && rest <= secs(1_089), "{rest}");
    }
}

#[test]
fn the_offset_is_told() {
    let mut net = Network::new(1, SntpOptions::default());
    let events = watch(&net);
    let mut late = ms(0);
    net.serve(1, move |question, now| {
        let now = now + late;
        late = ms(300);
        vec![answer(question, now)]
    });
    net.fixture.run(secs(1_200));
    let offsets: Vec<Option<i64>> = events
        .borrow()
        .iter()
        .map(|event| match event {
            SntpEvent::Set { offset_micros, .. } => *offset_micros,
            _ => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(offsets.len(), 2);
    assert_eq!(offsets[0], None);
    let offset = offsets[1].unwrap();
    assert!((299_000..=301_000).contains(&offset), "{offset}");
}

#[test]
fn a_slow_counter_is_found_out() {
    let mut net = Network::new(1, SntpOptions::default());
    // The server's time runs faster than ours by 100 millionths.
    net.serve(1, |question, now| {
        let faster = Tick::from_millis(now.as_millis() + now.as_millis() / 10_000);
        vec![answer(question, faster)]
    });
    net.fixture.run(secs(20_000));
    let rate = net.clock.rate_ppb();
    assert!((99_000..=101_000).contains(&rate), "{rate}");
}

#[test]
fn a_lost_answer_is_asked_for_again() {
    let mut net = Network::once(1);
    let mut lost = 2;
    let log = net.serve(1, move |question, now| {
        if lost > 0 {
            lost -= 1;
            return Vec::new();
        }
        vec![answer(question, now)]
    });
    assert_eq!(net.finish(10), Ok(()));
    let times: Vec<u64> = log
        .borrow()
        .iter()
        .map(|asked| asked.at.as_millis() / 100)
        .collect();
    assert_eq!(times, [0, 10, 30]);
}

#[test]
fn the_next_server_is_asked_when_one_is_silent() {
    let mut net = Network::once(3);
    net.serve(3, |question, now| vec![answer(question, now)]);
    assert_eq!(net.finish(10), Ok(()));
    assert!(net.fixture.now().since(Tick::ZERO) <= Duration::from_millis(2_100));
}

#[test]
fn a_client_that_goes_on_asks_a_silent_server_ever_less_often() {
    let mut net = Network::new(1, SntpOptions::default());
    let log = net.serve(1, |_, _| Vec::new());
    net.fixture.run(secs(86_400));
    let count = log.borrow().len();
    assert!((70..=100).contains(&count), "{count} questions in a day");
}

#[test]
fn nobody_is_asked_more_often_than_every_sixteen_seconds() {
    let mut net = Network::new(
        1,
        SntpOptions {
            once: false,
            interval: tickwire::Duration::ZERO,
        },
    );
    let log = net.serve(1, |_, _| Vec::new());
    net.fixture.run(secs(100));
    assert!(net.fixture.outcome(net.client).is_none());
    assert!((4..=6).contains(&log.borrow().len()), "{:?}", log.borrow());
}
