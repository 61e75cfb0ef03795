//! Every public type can be logged by `defmt`.
//!
//! With that feature this file is only checked, by `check.sh`: on a host `defmt` has no logger to
//! be linked with. Without it, the test sees to it that the lists are whole.

use std::fs;
use std::path::Path;

#[cfg(feature = "defmt")]
mod hub;

/// A type that has lost its `Format` does not compile here.
#[cfg(feature = "defmt")]
mod list {
    use tickwire::*;

    const fn has_format<T: defmt::Format>() {}

    /// The least that a machine of somebody else's has as its state.
    struct State;

    impl StateName for State {
        fn name(&self) -> &'static str {
            "State"
        }
    }

    const _: () = {
        has_format::<AcceptState>();
        has_format::<Backlog>();
        has_format::<Config<'_>>();
        has_format::<Deadline>();
        has_format::<Duration>();
        has_format::<Error>();
        has_format::<Event<'_>>();
        has_format::<Io<'_, '_>>();
        has_format::<Ports>();
        has_format::<Received<u8>>();
        has_format::<Role>();
        has_format::<Stack<'_, u8>>();
        has_format::<StateCell<State>>();
        has_format::<Step>();
        has_format::<Task<Echo<2>>>();
        has_format::<Tick>();
        has_format::<TickCounter>();
        has_format::<TimeoutKind>();
    };

    const _: () = {
        has_format::<Backoff>();
        has_format::<Client<EchoSession, Backoff>>();
        has_format::<ClientOptions>();
        has_format::<Closing>();
        has_format::<Connection<'_, '_, '_>>();
        has_format::<Dial>();
        has_format::<DialOrListen>();
        has_format::<EchoSession>();
        has_format::<IdleTimer>();
        has_format::<Lifecycle<Dial>>();
        has_format::<Listen>();
        has_format::<NoRetry>();
        has_format::<Opened>();
        has_format::<Server<EchoSession, 2>>();
        has_format::<ServerOptions>();
        has_format::<Stage>();
    };

    const _: () = {
        has_format::<BufferSink<'_>>();
        has_format::<Discard>();
        has_format::<ReaderSource<u8>>();
        has_format::<SinkError>();
        has_format::<SourceError>();
        has_format::<WriterSink<u8>>();
    };

    #[cfg(feature = "chat")]
    const _: () = {
        use tickwire::chat::*;

        has_format::<Chat<'_, Discard>>();
        has_format::<ChatError>();
        has_format::<Ending>();
        has_format::<chat::Event>();
        has_format::<LineEnd>();
        has_format::<LineQueue<'_>>();
        has_format::<LineSplitter<'_>>();
        has_format::<Message<'_>>();
        has_format::<Options>();
        has_format::<PushError>();
    };

    #[cfg(feature = "file")]
    const _: () = {
        use tickwire::file::*;

        has_format::<Announced<'_>>();
        has_format::<Answer>();
        has_format::<file::Event>();
        has_format::<FileReceiver<tickwire::store::MemoryStore<'_>>>();
        has_format::<FileSender<'_, &[u8]>>();
        has_format::<Offer<'_>>();
        has_format::<OfferError>();
        has_format::<OfferParser>();
        has_format::<ReceiveError>();
        has_format::<Receipt>();
        has_format::<ReceiverOptions>();
        has_format::<Reply>();
        has_format::<ReplyParser>();
        has_format::<SendError>();
        has_format::<SenderOptions>();
        has_format::<Sent>();
        has_format::<Status>();
    };

    #[cfg(feature = "server")]
    const _: () = {
        use tickwire::http::server::{self, *};

        #[derive(defmt::Format)]
        struct Nothing;

        impl Handler for Nothing {
            type Upgrade = NoUpgrade;

            fn respond(&mut self, _: &server::Request<'_>, response: Response<'_>) -> Reply {
                response.status(404).empty()
            }
        }

        has_format::<Asset<'_>>();
        has_format::<Assets<'_, Nothing>>();
        has_format::<Entity<'_>>();
        has_format::<Etag>();
        has_format::<server::Event>();
        has_format::<HttpOptions>();
        has_format::<HttpSession<'_, Nothing>>();
        has_format::<LastModified>();
        has_format::<Method>();
        has_format::<NotFound>();
        has_format::<NoUpgrade>();
        has_format::<Reply>();
        has_format::<server::Request<'_>>();
        has_format::<RequestError>();
        has_format::<RequestParser>();
        has_format::<Response<'_>>();
        has_format::<ResponseHead<'_>>();
        has_format::<ServeError>();
        has_format::<Switch>();
    };

    #[cfg(all(feature = "server", feature = "file"))]
    const _: () = {
        use tickwire::http::server::*;
        use tickwire::store::MemoryStore;

        has_format::<UploadOptions<'_>>();
        has_format::<Uploads<'_, MemoryStore<'_>, NotFound>>();
    };

    #[cfg(feature = "http")]
    const _: () = {
        use tickwire::http::*;

        has_format::<Authority<'_>>();
        has_format::<BodyDecoder>();
        has_format::<BodyError>();
        has_format::<Complete>();
        has_format::<http::Event>();
        has_format::<Framing>();
        has_format::<Get<'_, Discard>>();
        has_format::<GetError>();
        has_format::<GetOptions>();
        has_format::<Head>();
        has_format::<HeadParser>();
        has_format::<Header<'_>>();
        has_format::<HeaderError>();
        has_format::<Host<'_>>();
        has_format::<Location<'_>>();
        has_format::<Malformed>();
        has_format::<Piece<'_>>();
        has_format::<Proof>();
        has_format::<Request<'_>>();
        has_format::<Target<'_>>();
        has_format::<Url<'_>>();
        has_format::<UrlError>();
        has_format::<UserInfo<'_>>();
    };

    #[cfg(feature = "download")]
    const _: () = {
        use tickwire::http::*;

        has_format::<Download<'_, Discard>>();
        has_format::<DownloadBuffers<'_>>();
        has_format::<DownloadError>();
        has_format::<DownloadOptions>();
        has_format::<Kept<'_>>();
        has_format::<Method>();
        has_format::<RedirectError>();
        has_format::<SetupError>();
        has_format::<UrlHash>();
        has_format::<Version<'_>>();
    };

    #[cfg(feature = "dhcp")]
    const _: () = {
        use tickwire::dhcp::*;

        has_format::<Dhcp<'_>>();
        has_format::<DhcpDevice<'_, u8>>();
        has_format::<DhcpEvent>();
        has_format::<DhcpOptions<'_>>();
        has_format::<Lease>();
        has_format::<LeaseTime>();
        has_format::<LossReason>();
        has_format::<Malformed>();
        has_format::<Message<'_>>();
        has_format::<Probing>();
        has_format::<ReplyKind>();
        has_format::<Request<'_>>();
        has_format::<RequestKind>();
        has_format::<Route>();
        has_format::<RxToken<'_, u8>>();
        has_format::<Storage>();
    };

    #[cfg(feature = "sntp")]
    const _: () = {
        use tickwire::sntp::*;

        has_format::<Reply>();
        has_format::<Sntp<'_>>();
        has_format::<SntpError>();
        has_format::<SntpEvent>();
        has_format::<SntpOptions>();
        has_format::<UnixTime>();
        has_format::<Unusable>();
        has_format::<WallClock>();
    };

    #[cfg(feature = "udp")]
    const _: () = {
        use tickwire::UdpError;

        has_format::<UdpError>();
    };

    #[cfg(feature = "dns")]
    const _: () = {
        use tickwire::dns::*;

        has_format::<Answer>();
        has_format::<CachedName>();
        has_format::<Echo>();
        has_format::<Families>();
        has_format::<HostPort<&str>>();
        has_format::<Lookup<&str>>();
        has_format::<Malformed>();
        has_format::<Message<'_>>();
        has_format::<Name>();
        has_format::<NameError>();
        has_format::<Names<'_>>();
        has_format::<RecordType>();
        has_format::<ResolveError>();
        has_format::<Resolver>();
    };

    #[cfg(feature = "websocket")]
    const _: () = {
        use tickwire::websocket::*;

        has_format::<Channel<'_, '_, '_, '_>>();
        has_format::<ClientRequest<'_>>();
        has_format::<ClientSession<'_, u8>>();
        has_format::<CloseCode>();
        has_format::<Decoder<'_>>();
        has_format::<Delivery>();
        has_format::<websocket::Event>();
        has_format::<FrameHeader>();
        has_format::<HandshakeError>();
        has_format::<HeaderParser>();
        has_format::<Incoming<'_>>();
        has_format::<Kind>();
        has_format::<Mask>();
        has_format::<MessageQueue<'_>>();
        has_format::<Opcode>();
        has_format::<Options>();
        has_format::<Part<'_>>();
        has_format::<QueueError>();
        has_format::<Violation>();
        has_format::<WebSocket<'_, u8>>();
        has_format::<WebSocketError>();
    };

    #[cfg(feature = "file")]
    const _: () = {
        use tickwire::store::*;

        has_format::<Begun>();
        has_format::<MemoryImage<'_>>();
        has_format::<MemoryStore<'_>>();
        has_format::<StoreError>();
        has_format::<Upload<'_>>();
    };

    #[cfg(feature = "flash")]
    const _: () = {
        use tickwire::store::*;

        has_format::<Checksum>();
        has_format::<FlashFault>();
        has_format::<FlashImage<'_>>();
        has_format::<FlashStore<'_, u8>>();
        has_format::<Layout>();
        has_format::<LayoutError>();
    };

    #[cfg(all(feature = "download", feature = "flash"))]
    const _: () = {
        has_format::<tickwire::http::FlashSink<'_, u8>>();
    };

    #[cfg(feature = "guard")]
    const _: () = {
        use tickwire::guard::*;

        has_format::<Counters>();
        has_format::<Duties>();
        has_format::<Guarded<'_, u8>>();
        has_format::<Notice>();
        has_format::<RxToken<'_, u8>>();
        has_format::<Storage<4>>();
        has_format::<TxToken<'_, u8>>();
        has_format::<Unreachable>();
    };
}

/// The loop's notes, public only in name, for a method of a sealed trait; and the guard over a
/// driver of embassy-net's, a feature that tickwire does not switch on.
const UNREACHABLE: [&str; 3] = ["Notes", "Control", "GuardedDriver"];

/// Adds the names of the public structs and enums below `folder`. What is not public is not `pub`
/// either, which a lint sees to.
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
        names.extend(
            types
                .map(name)
                .filter(|name| !UNREACHABLE.contains(&name.as_str())),
        );
    }
}

/// The name at the front of `text`, without the modules before it.
fn name(text: &str) -> String {
    let is_of_path = |letter: &char| letter.is_alphanumeric() || *letter == ':';
    let path: String = text.chars().take_while(is_of_path).collect();
    path.rsplit(':').next().unwrap_or_default().to_owned()
}

#[test]
fn the_list_names_every_public_type() {
    let mut public = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "guard/src"] {
        add_types(&root.join(folder), &mut public);
    }
    let lists = [include_str!("main.rs"), include_str!("hub.rs")];
    let lines = lists.iter().flat_map(|list| list.lines());
    let mut listed: Vec<_> = lines
        .filter_map(|line| line.trim_start().strip_prefix("has_format::<").map(name))
        .collect();
    public.sort();
    listed.sort();
    assert!(public.len() > 50, "{public:?}");
    assert_eq!(listed, public);
}
