//! Every public type can be logged by `defmt`.
//!
//! With that feature this file is only checked, by `check.sh`: on a host `defmt` has no logger to be linked with. Without
//! it, the test sees to it that the list below is whole.

use std::fs;
use std::path::Path;

/// A type that has lost its `Format` does not compile here.
#[cfg(feature = "defmt")]
mod list {
    use tickwire::{chat::*, file::*, http::*, store::*, *};

    const fn has_format<T: defmt::Format>() {}

    /// The least that a machine of somebody else's has as its state.
    struct State;

    impl Named for State {
        fn name(&self) -> &'static str {
            "State"
        }
    }

    const _: () = {
        has_format::<Awaited>();
        has_format::<BufferSink<'_>>();
        has_format::<Called>();
        #[cfg(tickwire_canary)]
        has_format::<Canary>();
        has_format::<Carry>();
        has_format::<Deadline>();
        has_format::<Discard>();
        has_format::<Echo>();
        has_format::<Error>();
        has_format::<Event<'_>>();
        has_format::<Flush>();
        has_format::<Io<'_, '_>>();
        has_format::<Listener>();
        has_format::<Malformed>();
        has_format::<Pace>();
        has_format::<Part>();
        has_format::<Phase<State>>();
        has_format::<Ports>();
        has_format::<ReaderSource<u8>>();
        has_format::<Received<u8>>();
        has_format::<Seat<'_>>();
        has_format::<Server>();
        has_format::<Slot>();
        has_format::<Step>();
        has_format::<Tick>();
        has_format::<TickCounter>();
        has_format::<WriterSink<u8>>();
    };

    const _: () = {
        has_format::<Ending>();
        has_format::<LineEnd>();
        has_format::<LineQueue<'_>>();
        has_format::<LineSplitter<'_>>();
        has_format::<Message<'_>>();
        has_format::<Options>();
        has_format::<Peer<'_, Discard>>();
        has_format::<PushError>();
    };

    const _: () = {
        has_format::<Announced<'_>>();
        has_format::<Answer>();
        has_format::<Offer<'_>>();
        has_format::<OfferParser>();
        has_format::<Receipt>();
        has_format::<Receive<MemoryStore<'_>>>();
        has_format::<ReceiveOptions>();
        has_format::<Reply>();
        has_format::<ReplyParser>();
        has_format::<Send<'_, &[u8]>>();
        has_format::<SendOptions>();
        has_format::<Sent>();
        has_format::<Status>();
    };

    #[cfg(feature = "guard")]
    const _: () = {
        use tickwire::guard::*;

        has_format::<Counters>();
        has_format::<Guarded<'_, u8>>();
        has_format::<RxToken<'_, u8>>();
        has_format::<Storage<4>>();
        has_format::<TxToken<'_, u8>>();
    };

    const _: () = {
        has_format::<Authority<'_>>();
        has_format::<BodyDecoder>();
        has_format::<Complete>();
        has_format::<Framing>();
        has_format::<Get<'_, Discard>>();
        has_format::<GetOptions>();
        has_format::<Head>();
        has_format::<HeadParser>();
        has_format::<Header<'_>>();
        has_format::<HeaderError>();
        has_format::<Host<'_>>();
        has_format::<Location<'_>>();
        has_format::<Piece<'_>>();
        has_format::<Proof>();
        has_format::<Request<'_>>();
        has_format::<Target<'_>>();
        has_format::<Url<'_>>();
        has_format::<UrlError>();
    };

    const _: () = {
        has_format::<Begun>();
        has_format::<Checksum>();
        has_format::<FlashFault>();
        has_format::<FlashImage<'_>>();
        has_format::<FlashStore<'_, u8>>();
        has_format::<Layout>();
        has_format::<LayoutError>();
        has_format::<MemoryImage<'_>>();
        has_format::<MemoryStore<'_>>();
        has_format::<StoreError>();
        has_format::<Upload<'_>>();
    };
}

/// Adds the names of the public structs and enums below `folder`. What is not public is not `pub` either, which a lint
/// sees to.
fn add_types(folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            add_types(&path, names);
            continue;
        }
        let text = fs::read_to_string(&path).expect("sources are UTF-8");
        let types = text.lines().filter_map(|line| {
            line.strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
        });
        names.extend(types.map(name));
    }
}

/// The name at the front of `text`.
fn name(text: &str) -> String {
    text.chars()
        .take_while(|letter| letter.is_alphanumeric())
        .collect()
}

#[test]
fn the_list_names_every_public_type() {
    let mut public = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "guard/src"] {
        add_types(&root.join(folder), &mut public);
    }
    let list = include_str!("defmt.rs").lines();
    let mut listed: Vec<_> = list
        .filter_map(|line| line.trim_start().strip_prefix("has_format::<").map(name))
        .collect();
    public.sort();
    listed.sort();
    assert!(public.len() > 50, "{public:?}");
    assert_eq!(listed, public);
}
