//! Every call of a store fails once, and the receiver loses its power at every moment: the next try stores the file.

#[path = "../common/flash.rs"]
#[allow(dead_code, reason = "the store's own tests need more of it")]
mod flash;

use core::task::Poll;

use flash::Flash;
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions, Status};
use tickwire::store::{Begun, FlashStore, Layout, MemoryStore, Store, StoreError, Upload};
use tickwire::{Error, Slot, Tick};
use tickwire_sim::fill_byte;

use crate::stage::{Moments, Stage, leak, listener};

const BYTES: usize = 1_500;

/// One call of the store fails; `None` none.
struct Failing {
    store: MemoryStore<'static>,
    calls_left: Option<u32>,
}

impl Failing {
    fn fails(&mut self) -> bool {
        let left = self.calls_left;
        self.calls_left = left.and_then(|left| left.checked_sub(1));
        left == Some(0)
    }
}

const FAILED: StoreError = StoreError::Failed { code: 7 };

impl Store for Failing {
    fn begin(&mut self, now: Tick, upload: &Upload<'_>) -> Poll<Result<Begun, StoreError>> {
        if self.fails() {
            return Poll::Ready(Err(FAILED));
        }
        self.store.begin(now, upload)
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, StoreError>> {
        if self.fails() {
            return Poll::Ready(Err(FAILED));
        }
        self.store.read(offset, buffer)
    }

    fn write(&mut self, data: &[u8]) -> Poll<Result<usize, StoreError>> {
        if self.fails() {
            return Poll::Ready(Err(FAILED));
        }
        self.store.write(data)
    }

    fn commit(&mut self) -> Poll<Result<(), StoreError>> {
        if self.fails() {
            return Poll::Ready(Err(FAILED));
        }
        self.store.commit()
    }

    fn abandon(&mut self, keep: bool) -> Poll<Result<(), StoreError>> {
        if self.fails() {
            return Poll::Ready(Err(FAILED));
        }
        self.store.abandon(keep)
    }
}

fn content() -> &'static [u8] {
    let bytes: Vec<u8> = (0..BYTES as u64).map(fill_byte).collect();
    bytes.leak()
}

fn once() -> ReceiveOptions {
    ReceiveOptions {
        once: true,
        ..ReceiveOptions::default()
    }
}

#[test]
fn a_store_whose_call_fails_costs_one_try() {
    let content = content();
    for call in 0.. {
        println!("call {call} fails");
        let mut stage = Stage::new([&[], &[]]);
        let mut store = Failing {
            store: MemoryStore::new(leak(0, BYTES), leak(0, BYTES)),
            calls_left: Some(call),
        };
        let (here, there) = (stage.socket(0), stage.socket(1));
        let mut is_first = true;
        let mut outcomes = [Ok(()); 2];
        for outcome in &mut outcomes {
            let calls_left = store.calls_left.take();
            store.calls_left = calls_left.filter(|_| is_first);
            is_first = false;
            let mut receive = Receive::new(there, 2001, store, once());
            let options = SendOptions::default();
            let mut send = Send::checked(here, listener(2001), "name", content, options);
            let [sent, received] = stage.run(&mut send, &mut receive);
            assert_eq!(sent.is_ok(), received.is_ok(), "{sent:?} {received:?}");
            *outcome = sent;
            store = receive.into_store();
        }
        assert_eq!(store.store.image().unwrap().bytes, content);
        let refused = Err(Error::ReceiverRefused(Status::STORAGE_FAILED.0));
        if outcomes == [Ok(()), Ok(())] {
            assert!(call > 5, "begin, several writes and a commit can fail");
            return;
        }
        assert_eq!(outcomes, [refused, Ok(())]);
    }
}

type Chip = Flash<1, 4, 256>;

/// The store after a start; its memory is leaked.
fn mounted(chip: &Chip) -> FlashStore<'static, Chip> {
    let layout = Layout::whole(chip).unwrap();
    let buffer = leak(0, 1_024);
    let mut store = FlashStore::new(chip.clone(), layout, buffer).unwrap();
    while store.mount() != Poll::Ready(Ok(())) {}
    store
}

/// A sender until the receiver loses its power at `cut`, or to the end.
fn send_until(stage: &mut Stage, chip: &Chip, cut: Option<Tick>, moments: &mut Moments) -> bool {
    let (here, there) = (stage.socket(0), stage.socket(1));
    let mut receive = Receive::new(there, 2001, mounted(chip), once());
    let options = SendOptions::default();
    let mut send = Send::checked(here, listener(2001), "name", content(), options);
    let (mut one, mut two) = (Slot::new(), Slot::new());
    let until = cut.unwrap_or(stage.world.now().after(600_000));
    let apps = [
        (&mut send as &mut dyn tickwire::App, &mut one),
        (&mut receive as _, &mut two),
    ];
    let [sent, received] = stage.run_until(until, apps, moments);
    println!("sender {sent:?}, receiver {received:?}");
    sent == Some(Ok(()))
}

fn stored(chip: &Chip) -> Option<Vec<u8>> {
    let mut store = mounted(chip);
    let length = store.image()?.length;
    let mut bytes = vec![0; length as usize];
    let mut at = 0;
    while at < bytes.len() {
        at += store.read_image(at as u32, &mut bytes[at..]).unwrap();
    }
    Some(bytes)
}

#[test]
fn a_receiver_that_loses_its_power_at_any_moment_takes_the_file_up_again() {
    let blank = Chip::used(16 * 1_024, 1);
    let mut moments = Moments::default();
    let mut stage = Stage::new([&[], &[]]);
    assert!(send_until(&mut stage, &blank.copy(), None, &mut moments));
    moments.0.sort_unstable();
    moments.0.dedup();
    assert!(moments.0.len() > 20, "{:?}", moments.0);
    for moment in moments.0 {
        println!("the power fails at {moment}");
        let chip = blank.copy();
        let mut stage = Stage::new([&[], &[]]);
        let is_done = send_until(
            &mut stage,
            &chip,
            Some(moment.after(1)),
            &mut Moments::default(),
        );
        let image = stored(&chip);
        assert!(!is_done || image.as_deref() == Some(content()));
        assert!(image.is_none_or(|image| image == content()));
        // The sender's host starts again, too: what it would wait for in vain is not of interest here.
        // A frame of the first life may still call the second one's receiver, and then a try is refused.
        let is_sent = (0..3).any(|_| {
            stage.restart(0);
            stage.restart(1);
            send_until(&mut stage, &chip, None, &mut Moments::default())
        });
        assert!(is_sent);
        assert_eq!(stored(&chip).as_deref(), Some(content()));
    }
}
