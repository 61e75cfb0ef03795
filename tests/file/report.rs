//! What a host program can report of transfers.

use core::fmt::Write as _;

use tickwire::file::{self, ReceiveError, ReceiverOptions};
use tickwire::{Duration, Event, Tick};

use crate::common::faulty_store::FaultyStore;
use crate::common::fixture::{ms, secs};
use crate::common::mem_source::MemSource;
use crate::world::World;

/// What a program prints of each transfer that it received, made of events alone.
#[derive(Default)]
pub(crate) struct Report {
    /// Since when data may move.
    since: Tick,
    /// Bytes that were there before.
    offset: u64,
    pub(crate) lines: Vec<String>,
    /// For how long each stored file moved.
    pub(crate) times: Vec<Duration>,
}

impl Report {
    pub(crate) fn note(&mut self, now: Tick, event: &Event) {
        match event {
            Event::Connected { .. } => (self.since, self.offset) = (now, 0),
            Event::Failed { remote, .. } => {
                if let (Some(remote), Some(error)) = (remote, event.error::<ReceiveError>()) {
                    self.lines.push(format!("{}: {error}", remote.addr));
                }
            }
            _ => {}
        }
        match event.app() {
            Some(&file::Event::Resumed { offset }) => (self.since, self.offset) = (now, offset),
            Some(file::Event::Stored {
                remote,
                name,
                length,
                digest,
                repeated,
            }) => {
                let moved = if *repeated { 0 } else { length - self.offset };
                self.times.push(now.since(self.since));
                let name = name.as_deref().unwrap_or("without a name");
                let mut line = format!("{}, {name}, {length} bytes, ", remote.addr);
                for byte in &digest[..4] {
                    write!(line, "{byte:02x}").unwrap();
                }
                write!(line, "..: {moved} bytes moved").unwrap();
                self.lines.push(line);
            }
            _ => {}
        }
    }
}

#[test]
fn events_are_enough_to_report_from_whom_what_and_how_fast() {
    let mut world = World::new(14, 3);
    world.receive(0, FaultyStore::new(), ReceiverOptions::default());
    let source = MemSource::new(100_000);
    world.send(1, 0, Some("name.bin"), &source);
    world.run_until(ms(5_000), |world| world.progress(0) >= 40_000);
    let resumed = world.progress(0);
    world.raw(1).abort();
    world.finish_talk(0, secs(5));
    for name in [Some("name.bin"), Some("name.bin"), None] {
        world.send(2, 0, name, &source);
        assert_eq!(world.finish(2, secs(5)), Ok(()));
        world.finish_talk(0, secs(5));
    }
    // The sum is sha256sum's.
    let file = "100000 bytes, 6b4e3f3d..";
    let moved = 100_000 - resumed;
    assert_eq!(
        world.report(0, |report| report.lines.clone()),
        [
            "10.0.0.2: the connection was reset".to_string(),
            format!("10.0.0.3, name.bin, {file}: {moved} bytes moved"),
            format!("10.0.0.3, name.bin, {file}: 0 bytes moved"),
            format!("10.0.0.3, without a name, {file}: 100000 bytes moved"),
        ]
    );
    // At most 2 KiB for each round trip of 2 ms.
    let times = world.report(0, |report| report.times.clone());
    let [resumed, repeated, plain] = times[..] else {
        panic!("three files are stored");
    };
    let (resumed, plain) = (resumed.as_millis(), plain.as_millis());
    assert_eq!(repeated, Duration::ZERO);
    assert!((moved / 1_024..moved / 512).contains(&resumed), "{resumed}");
    assert!((97..196).contains(&plain), "{plain}");
}
