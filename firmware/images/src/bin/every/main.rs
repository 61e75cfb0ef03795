//! Every machine of tickwire in one program, so that `harness/panics.py` sees all code that any of them can bring into
//! an image. It is linked and looked at, not run.
#![no_std]
#![no_main]

mod web;

use core::hint::black_box;
use core::net::Ipv4Addr;

use images::Network;
use images::app::{Memory, Node};
use images::exit::{self, Failure};
use images::flash::Flash;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpEndpoint, Ipv4Cidr};
use tickwire::chat::{Chat, Options};
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SenderOptions};
use tickwire::http::{
    Download, DownloadBuffers, DownloadOptions, FlashSink, Get, GetOptions, Header, Request, Url,
};
use tickwire::store::{FlashStore, Layout, MemoryStore};
use tickwire::{App, BufferSink, Discard, Echo, Task};

type Buffers = Memory<2, 1_460, 1_460>;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &'static mut Buffers) -> Result<(), Failure> {
    let network = Network {
        address: Ipv4Cidr::new(black_box(Ipv4Addr::LOCALHOST), black_box(24)),
        gateway: black_box(None),
        seed: black_box(1),
    };
    let remote = IpEndpoint::new(black_box(Ipv4Addr::LOCALHOST).into(), black_box(80));
    let (node, sockets) = memory.start(&network)?;
    let [socket, _] = sockets;
    let failed = Failure::usage("it is not run");

    let headers = [Header::parse(black_box("A: b")).map_err(|_| failed)?];
    let url = Url::parse(black_box("http://h/")).map_err(|_| failed)?;
    let request = Request::new(&url, &headers).map_err(|_| failed)?;
    let mut location = [0; 64];
    let mut body = [0; 64];
    let sink = BufferSink::new(&mut body[..]);
    let options = black_box(GetOptions::default());
    poll(
        node,
        Get::new(socket, remote, request, options, &mut location, sink),
    )?;

    poll(node, Echo::echo(sockets, black_box(7), black_box(true)))?;

    let (mut line, mut queue) = ([0; 64], [0; 64]);
    let options = black_box(Options::DEFAULT);
    let mut chat = Chat::new(sockets, &mut line[..], &mut queue[..], Discard, options);
    chat.listen(black_box(1));
    chat.dial(black_box(remote));
    chat.push_line(black_box(b"line")).map_err(|_| failed)?;
    chat.end_input();
    poll(node, chat)?;

    web::run(node, sockets, remote)?;
    download(node, socket)?;
    send_and_receive(node, socket, remote)
}

fn download(node: &mut Node, socket: SocketHandle) -> Result<(), Failure> {
    let failed = Failure::usage("it is not run");
    let (mut chip, mut scratch) = ([0; 4_096], [0; 1_024]);
    let flash = Flash::in_ram(&mut chip);
    let layout = Layout::whole(&flash).map_err(|_| failed)?;
    let store = FlashStore::new(flash, layout, &mut scratch).map_err(|_| failed)?;
    let mut sink = FlashSink::new(store, black_box(Some([0; 32])));
    let _ = black_box((sink.mount(), sink.suspend(), sink.commit()));
    let (mut urls, mut validators) = ([0; 64], [0; 64]);
    let buffers = DownloadBuffers {
        urls: &mut urls,
        validators: &mut validators,
    };
    let options = black_box(DownloadOptions::default());
    let url = black_box("http://u:p@127.0.0.1/");
    let download = Download::new(socket, url, &[], options, buffers, sink).map_err(|_| failed)?;
    poll(node, download)
}

fn send_and_receive(
    node: &mut Node,
    socket: SocketHandle,
    remote: IpEndpoint,
) -> Result<(), Failure> {
    let failed = Failure::usage("it is not run");
    let source: &[u8] = black_box(b"file");
    let options = black_box(SenderOptions::default());
    poll(node, FileSender::plain(socket, remote, source, options))?;
    let name = black_box("name");
    poll(
        node,
        FileSender::checked(socket, remote, name, source, options),
    )?;

    let (mut first, mut second) = ([0; 64], [0; 64]);
    let store = MemoryStore::new(&mut first[..], &mut second[..]);
    let options = black_box(ReceiverOptions::default());
    poll(node, FileReceiver::new(socket, 1, store, options))?;

    let (mut chip, mut scratch) = ([0; 4_096], [0; 1_024]);
    let flash = Flash::in_ram(&mut chip);
    let layout = Layout::whole(&flash).map_err(|_| failed)?;
    let store = FlashStore::new(flash, layout, &mut scratch).map_err(|_| failed)?;
    poll(node, FileReceiver::new(socket, 1, store, options))?;
    Ok(())
}

fn poll<A: App>(node: &mut Node, app: A) -> Result<(), Failure>
where
    A::Error: Copy + Into<Failure>,
{
    let mut task = Task::new(black_box(app));
    node.run(&mut task, black_box(&mut ()))
}
