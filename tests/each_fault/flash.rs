//! A receiver over flash stops before every tick of a transfer and starts again: the next try
//! stores the file.

use tickwire::Duration;
use tickwire::file::{FileReceiver, ReceiverOptions};

use crate::common::fixture::{ms, secs};
use crate::common::flash::Flash;
use crate::common::mem_source::{Bytes, MemSource};
use crate::context::{AppSlot, PORT, RunContext, SERVER, Setting, with_context};
use crate::scenarios::sender;

type Chip = Flash<1, 4, 256>;

/// In which a transfer ends that nothing disturbs, and in which its end is noticed where something
/// does.
const TIME_MAX: Duration = secs(62);

fn receiver<'a>(context: &mut RunContext<'a>, chip: &Chip) -> AppSlot<'a> {
    let (store, options) = (chip.open(), ReceiverOptions::default());
    AppSlot::new(FileReceiver::new(
        context.socket(SERVER),
        PORT,
        store,
        options,
    ))
}

#[test]
fn a_receiver_over_flash_that_stops_at_any_tick_takes_the_file_up_again() {
    let (blank, source) = (Chip::used(16 * 1_024, 1), MemSource::new(1_500));
    let (mut failures, mut offsets) = (0, Vec::new());
    for tick in 1.. {
        let chip = blank.copy();
        let is_done = with_context(Setting::Small, None, |context| {
            let (mut receive, mut first) = (
                receiver(context, &chip),
                sender(context, Some("name"), &source),
            );
            context.run(ms(tick), &mut first, &mut receive);
            let is_done = first.outcome() == Some(Ok(()));
            let image = chip.booted().map(Bytes);
            assert!(image.is_some() || !is_done, "tick {tick}{}", context.log());
            assert!(image.is_none_or(|image| image == source.bytes()), "{tick}");
            context.crash(SERVER, tick);
            receive = receiver(context, &chip);
            context.run(TIME_MAX, &mut first, &mut receive);
            failures += u32::from(matches!(first.outcome(), Some(Err(_))));
            let mut next = sender(context, Some("name"), &source);
            context.run(TIME_MAX, &mut next, &mut receive);
            assert_eq!(next.outcome(), Some(Ok(())), "tick {tick}{}", context.log());
            assert_eq!(
                chip.booted().map(Bytes),
                Some(source.bytes()),
                "tick {tick}"
            );
            offsets.extend(context.log().resumed());
            is_done
        });
        if is_done {
            break;
        }
    }
    assert!(failures > 5, "a crash in the middle is noticed");
    assert!(offsets.iter().any(|offset| (256..1_500).contains(offset)));
}
