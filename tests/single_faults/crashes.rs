//! The host of either side loses its power at every moment: the other side ends in a typed error or has what it wants, and
//! the next try succeeds. What a receiver of files keeps in a flash is in `stores.rs`.

use tickwire::chat::{Options, Peer};
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::store::MemoryStore;
use tickwire::{App, BufferSink, Error, Slot, Tick};
use tickwire_sim::{Act, Opening, Script};

use crate::stage::{Moments, Stage, leak, listener};

const CONTENT: &[u8] = &[b'x'; 700];
/// Longer than every deadline of a conversation whose peer vanished.
const SECONDS_MAX: u64 = 200;

/// Runs both apps, and loses the host that `cut` names at its moment. How those ended that still had power.
fn run(
    stage: &mut Stage,
    apps: [&mut dyn App; 2],
    cut: Option<(usize, Tick)>,
    moments: &mut Moments,
) -> [Option<Result<(), Error>>; 2] {
    let [here, there] = apps;
    let (mut one, mut two) = (Slot::new(), Slot::new());
    let end = stage.world.now().after(SECONDS_MAX * 1_000);
    let Some((victim, at)) = cut else {
        return stage.run_until(end, [(here, &mut one), (there, &mut two)], moments);
    };
    let mut outcomes = stage.run_until(
        at,
        [(&mut *here, &mut one), (&mut *there, &mut two)],
        moments,
    );
    stage.restart(victim);
    // Nobody is there any more on that host; it answers with RST.
    let mut ended = Slot::new();
    let mut nobody = Script::new(stage.socket(victim), Opening::Listen(9), &[]);
    let apps: [(&mut dyn App, &mut Slot); 2] = if victim == 0 {
        [(&mut nobody, &mut ended), (&mut *there, &mut two)]
    } else {
        [(here, &mut one), (&mut nobody, &mut ended)]
    };
    let survivor = 1 - victim;
    outcomes[survivor] = stage.run_until(end, apps, moments)[survivor];
    // A listener that nobody has called goes on listening.
    let is_listening = survivor == 1 && there.deadline().is_none();
    assert!(outcomes[survivor].is_some() || is_listening, "it is stuck");
    outcomes[victim] = None;
    outcomes
}

/// Calls `converse` without a crash, and then with one of each host at each moment when something happened without one.
/// It returns how both ended, and whether the side that wants something has it.
fn enumerate(
    converse: impl Fn(
        &mut Stage,
        Option<(usize, Tick)>,
        &mut Moments,
    ) -> ([Option<Result<(), Error>>; 2], bool),
) {
    let mut moments = Moments::default();
    let (outcomes, has_all) = converse(&mut Stage::new([&[], &[]]), None, &mut moments);
    assert_eq!((outcomes, has_all), ([Some(Ok(())); 2], true));
    moments.0.sort_unstable();
    moments.0.dedup();
    assert!(moments.0.len() > 5, "{:?}", moments.0);
    let mut failures = 0;
    for (moment, victim) in moments
        .0
        .iter()
        .flat_map(|&moment| [(moment, 0), (moment, 1)])
    {
        println!("host {victim} loses its power at {moment}");
        let mut stage = Stage::new([&[], &[]]);
        let cut = Some((victim, moment.after(1)));
        let (outcomes, has_all) = converse(&mut stage, cut, &mut Moments::default());
        let survivor = outcomes[1 - victim];
        if survivor == Some(Ok(())) && victim == 1 {
            assert!(has_all, "success without the whole");
        }
        failures += u32::from(matches!(survivor, Some(Err(_))));
        // Both start again: nothing of the first life may stand in the way for longer than a few tries.
        let succeeds = (0..3).any(|_| {
            stage.restart(0);
            stage.restart(1);
            let (outcomes, has_all) = converse(&mut stage, None, &mut Moments::default());
            outcomes == [Some(Ok(())); 2] && has_all
        });
        assert!(succeeds);
    }
    assert!(failures > 5, "a crash in the middle is noticed");
}

#[test]
fn a_get_ends_whoever_loses_its_power_when() {
    enumerate(|stage, cut, moments| {
        let acts = [
            Act::Expect(b"\r\n\r\n"),
            Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 700\r\n\r\n"),
            Act::Send(CONTENT),
            Act::Flush,
            Act::Close,
        ];
        let mut server =
            Script::new(stage.socket(1), Opening::Listen(80), &acts).with_patience(60_000);
        let request = Request::new(&Url::parse("http://10.0.0.2/").unwrap(), &[]).unwrap();
        let mut sink = BufferSink::new(leak(0, CONTENT.len()));
        let (socket, options) = (stage.socket(0), GetOptions::default());
        let mut get = Get::new(socket, listener(80), request, options, &mut [], &mut sink);
        let outcomes = run(stage, [&mut get, &mut server], cut, moments);
        let has_all = sink.bytes() == CONTENT;
        (outcomes, has_all)
    });
}

fn send_file(is_checked: bool) {
    enumerate(|stage, cut, moments| {
        let store = MemoryStore::new(leak(0, CONTENT.len()), leak(0, CONTENT.len()));
        let options = ReceiveOptions {
            once: true,
            ..ReceiveOptions::default()
        };
        let mut receive = Receive::new(stage.socket(1), 2001, store, options);
        let (socket, remote) = (stage.socket(0), listener(2001));
        let mut send = if is_checked {
            Send::checked(socket, remote, "name", CONTENT, SendOptions::default())
        } else {
            Send::plain(socket, remote, CONTENT, SendOptions::default())
        };
        let outcomes = run(stage, [&mut send, &mut receive], cut, moments);
        let image = receive.store().image().map(|image| image.bytes);
        assert!(image.is_none_or(|image| image == CONTENT));
        // In the plain form a sender cannot know what became of bytes that were acknowledged.
        let has_all = image.is_some() || !is_checked && cut.is_some();
        (outcomes, has_all)
    });
}

#[test]
fn a_checked_file_ends_whoever_loses_its_power_when() {
    send_file(true);
}

#[test]
fn a_plain_file_ends_whoever_loses_its_power_when() {
    send_file(false);
}

#[test]
fn a_chat_ends_whoever_loses_its_power_when() {
    enumerate(|stage, cut, moments| {
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
        waiter.push_line(b"two").unwrap();
        dialler.end_input();
        let outcomes = run(stage, [dialler, waiter], cut, moments);
        let heard = [dialler.sink_mut().bytes(), waiter.sink_mut().bytes()];
        assert!(b"two\n".starts_with(heard[0]), "{heard:?}");
        assert!(b"one\n".starts_with(heard[1]), "{heard:?}");
        (outcomes, heard == [&b"two\n"[..], b"one\n"])
    });
}
