//! Receiver and sender against each other.

use tickwire::file::{ReceiveOptions, Sent};

use crate::book::Book;
use crate::shelf::{Kept, Shelf};
use crate::world::World;

/// A receiver on host 0, and another two hosts.
fn world(seed: u64) -> (World, Shelf) {
    let mut world = World::new(seed, 3);
    let shelf = Shelf::new();
    world.receive(0, shelf.clone(), ReceiveOptions::default());
    (world, shelf)
}

#[test]
fn files_of_many_lengths_arrive_whole_in_both_forms() {
    for (seed, length) in [0, 1, 2, 255, 256, 257, 1_024, 2_048, 16_384, 300 * 1_024]
        .into_iter()
        .enumerate()
    {
        for name in [Some("name.bin"), None] {
            let (mut world, shelf) = world(seed as u64);
            let book = Book::new(length);
            world.send(1, 0, name, &book);
            assert_eq!(world.finish(1, 60), Ok(()), "{length} {name:?}");
            world.finish_talk(0, 3);
            let digest = name.map(|_| book.digest());
            let kept = Kept {
                name: name.map(str::to_string),
                bytes: book.bytes(),
                digest,
            };
            assert_eq!(shelf.file(), kept);
            let length = length as u64;
            let sent = Sent {
                length,
                offset: 0,
                digest,
            };
            assert_eq!(world.sent(1), Some(sent));
            let stored = format!("stored {name:?} {length}");
            let offered = format!("offered {name:?} {length}");
            assert_eq!(
                world.told(0),
                ["connected", &offered, &stored, "disconnected"]
            );
            assert_eq!(world.told(1), ["connecting", "connected", "disconnected"]);
            assert_eq!((world.progress(0), world.progress(1)), (length, length));
        }
    }
}
