//! A receiver over flash stops before every tick of a transfer and starts again: the next try stores the file.

use tickwire::file::{Receive, ReceiveOptions};

use crate::book::{Book, Bytes};
use crate::flash_chip::Flash;
use crate::play::sender;
use crate::stage::{PORT, Player, SERVER, Setting, Stage, with_stage};

type Chip = Flash<1, 4, 256>;

/// In which a transfer ends that nothing disturbs, and in which its end is noticed where something does.
const TICKS_MAX: u64 = 62_000;

fn receiver<'a>(stage: &mut Stage<'a>, chip: &Chip) -> Player<'a> {
    let (store, options) = (chip.open(), ReceiveOptions::default());
    Player::new(Receive::new(stage.socket(SERVER), PORT, store, options))
}

#[test]
fn a_receiver_over_flash_that_stops_at_any_tick_takes_the_file_up_again() {
    let (blank, book) = (Chip::used(16 * 1_024, 1), Book::new(1_500));
    let (mut failures, mut offsets) = (0, Vec::new());
    for tick in 1.. {
        let chip = blank.copy();
        let is_done = with_stage(Setting::Small, None, |stage| {
            let (mut receive, mut first) =
                (receiver(stage, &chip), sender(stage, Some("name"), &book));
            stage.run(tick, &mut first, &mut receive);
            let is_done = first.outcome() == Some(Ok(()));
            let image = chip.booted().map(Bytes);
            assert!(image.is_some() || !is_done, "tick {tick}{}", stage.log());
            assert!(image.is_none_or(|image| image == book.bytes()), "{tick}");
            stage.crash(SERVER, tick);
            receive = receiver(stage, &chip);
            stage.run(TICKS_MAX, &mut first, &mut receive);
            failures += u32::from(matches!(first.outcome(), Some(Err(_))));
            let mut next = sender(stage, Some("name"), &book);
            stage.run(TICKS_MAX, &mut next, &mut receive);
            assert_eq!(next.outcome(), Some(Ok(())), "tick {tick}{}", stage.log());
            assert_eq!(chip.booted().map(Bytes), Some(book.bytes()), "tick {tick}");
            offsets.extend(stage.log().resumed());
            is_done
        });
        if is_done {
            break;
        }
    }
    assert!(failures > 5, "a crash in the middle is noticed");
    assert!(offsets.iter().any(|offset| (256..1_500).contains(offset)));
}
