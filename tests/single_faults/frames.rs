//! Every frame of a conversation is lost, doubled, late and damaged, one at a time: no conversation may fail of it.

use tickwire::chat::{Options, Peer};
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::store::MemoryStore;
use tickwire::wire::{Action, Change, Planned};
use tickwire::{App, BufferSink};
use tickwire_sim::{Act, Opening, Script, fill_byte};

use crate::stage::{Stage, leak, listener};

const ACTIONS: [Action; 8] = [
    Action::Drop,
    Action::Duplicate { after_micros: 0 },
    Action::Duplicate {
        after_micros: 2_500_000,
    },
    Action::Delay { by_micros: 5_000 },
    Action::Delay {
        by_micros: 1_500_000,
    },
    Action::Change(Change::BitFlip),
    Action::Change(Change::Truncation),
    Action::Change(Change::Junk),
];
const BYTES: usize = 700;

/// Runs `converse` without a fault, and then with each fault of each frame that was sent without one.
fn enumerate(converse: impl Fn(&mut Stage)) {
    let mut stage = Stage::new([&[], &[]]);
    converse(&mut stage);
    let counts = [stage.sent(0), stage.sent(1)];
    assert!(
        counts.iter().all(|count| (4..60).contains(count)),
        "{counts:?}"
    );
    for (port, count) in counts.into_iter().enumerate() {
        for number in 0..count {
            for action in ACTIONS {
                let plan: &'static [Planned] = leak(Planned { number, action }, 1);
                println!("frame {number} of host {port}: {action:?}");
                let plans = if port == 0 { [plan, &[]] } else { [&[], plan] };
                converse(&mut Stage::new(plans));
            }
        }
    }
}

fn pattern() -> Vec<u8> {
    (0..BYTES as u64).map(fill_byte).collect()
}

#[test]
fn a_get_survives_every_fault_of_every_frame() {
    enumerate(|stage| {
        let acts = [
            Act::Expect(b"\r\n\r\n"),
            Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 700\r\n\r\n"),
            Act::Fill(BYTES as u64),
            Act::Flush,
            Act::Close,
        ];
        let mut script = Script::new(stage.socket(1), Opening::Listen(80), &acts);
        let request = Request::new(&Url::parse("http://10.0.0.2/").unwrap(), &[]).unwrap();
        let mut sink = BufferSink::new(leak(0, BYTES));
        let mut get = Get::new(
            stage.socket(0),
            listener(80),
            request,
            GetOptions::default(),
            &mut [],
            &mut sink,
        );
        assert_eq!(stage.run(&mut get, &mut script)[0], Ok(()));
        assert_eq!(sink.bytes(), pattern());
    });
}

fn send_file(is_checked: bool) {
    let content: &'static [u8] = pattern().leak();
    enumerate(|stage| {
        let store = MemoryStore::new(leak(0, BYTES), leak(0, BYTES));
        let options = ReceiveOptions {
            once: true,
            ..ReceiveOptions::default()
        };
        let mut receive = Receive::new(stage.socket(1), 2001, store, options);
        let (socket, remote) = (stage.socket(0), listener(2001));
        let mut send: Box<dyn App> = if is_checked {
            Box::new(Send::checked(
                socket,
                remote,
                "name",
                content,
                SendOptions::default(),
            ))
        } else {
            Box::new(Send::plain(socket, remote, content, SendOptions::default()))
        };
        let [sent, received] = stage.run(&mut *send, &mut receive);
        assert_eq!(sent, Ok(()));
        assert_eq!(received, Ok(()));
        assert_eq!(receive.store().image().unwrap().bytes, content);
    });
}

#[test]
fn a_checked_file_survives_every_fault_of_every_frame() {
    send_file(true);
}

#[test]
fn a_plain_file_survives_every_fault_of_every_frame() {
    send_file(false);
}

#[test]
fn a_chat_survives_every_fault_of_every_frame() {
    enumerate(|stage| {
        let options = Options {
            once: true,
            ..Options::DEFAULT
        };
        let mut peers = [0, 1].map(|host| {
            let sockets = [stage.socket(host), stage.socket(host)];
            let sink = BufferSink::new(leak(0, 64));
            Peer::new(sockets, leak(0, 64), leak(0, 64), sink, options)
        });
        let [dialler, waiter] = &mut peers;
        dialler.dial(listener(1001));
        waiter.listen(1001);
        dialler.push_line(b"one").unwrap();
        dialler.push_line(b"two").unwrap();
        waiter.push_line(b"three").unwrap();
        dialler.end_input();
        let [dialled, waited] = stage.run(dialler, waiter);
        assert_eq!(dialled, Ok(()));
        assert_eq!(waited, Ok(()));
        assert_eq!(dialler.sink_mut().bytes(), b"three\n");
        assert_eq!(waiter.sink_mut().bytes(), b"one\ntwo\n");
    });
}
