//! The machines behind a page: the HTTP server with all kinds of answers and with uploads, WebSockets both ways, and a
//! hub with its members in lines, in texts and over Socket.IO.

use core::hint::black_box;
use core::marker::PhantomData;
use core::task::Poll;

use images::app::Node;
use images::exit::Failure;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::http::server::{
    Asset, Assets, Entity, HEAD_MEMORY_MIN, Handler, HttpSession, LastModified, Reply, Request,
    Response, Switch, UploadOptions, Uploads,
};
use tickwire::http::{Server, Url};
use tickwire::hub::{self, Hub, Limits, LinesSession, MemberSlot, Name, RoomSlot, WebMember};
use tickwire::store::{MemoryStore, Store};
use tickwire::websocket::{
    self, Channel, ClientRequest, ClientSession, CloseCode, Endpoint, Kind, MessageQueue, Part,
    QueueSlot, WebSocket,
};
use tickwire::{App, Client, ClientOptions, ServerOptions, SinkError, SourceError, Task};

type Socket<'h, 'm> = WebSocket<'h, WebMember<'h, 'm>>;

/// Polls a server and a client of each kind.
pub(crate) fn run(
    node: &mut Node,
    sockets: [SocketHandle; 2],
    remote: IpEndpoint,
) -> Result<(), Failure> {
    let (mut members, mut rooms, mut logs) =
        ([MemberSlot::EMPTY; 2], [RoomSlot::EMPTY; 2], [0; 1_024]);
    let hub = Hub::new(
        &mut members[..],
        &mut rooms[..],
        &mut logs[..],
        black_box(Limits::DEFAULT),
    );
    serve(node, sockets, &hub);

    let mut lines = [[0; 64]; 2];
    let sessions = lines
        .each_mut()
        .map(|line| LinesSession::new(&hub, &mut line[..]));
    let options = black_box(ServerOptions::default());
    poll(
        node,
        tickwire::Server::new(sockets, black_box(23), sessions, options),
    );
    let _ = black_box(hub.emit(&Name::lobby(), black_box("[\"state\"]")));

    let [socket, _] = sockets;
    call(node, socket, remote)
}

/// The server of pages, files and the hub.
fn serve(node: &mut Node, sockets: [SocketHandle; 2], hub: &Hub<'_>) {
    let assets = [Asset::new("/", "text/html", black_box(b"page"))];
    let (mut heads, mut messages, mut files) =
        ([[0; HEAD_MEMORY_MIN]; 2], [[0; 256]; 2], [[[0; 64]; 2]; 2]);
    let mut lent = messages.iter_mut().zip(files.iter_mut());
    let hosts = black_box(["lamp.example"]);
    let sessions = heads.each_mut().map(|head| {
        let (message, [first, second]) = lent.next().expect("there is one for each caller");
        let store = MemoryStore::new(&mut first[..], &mut second[..]);
        let member = WebMember::new(hub);
        let session = WebSocket::server(&mut message[..], websocket::Options::default(), member);
        HttpSession::with_upgrade(site(store, &assets), session, &mut head[..]).with_hosts(&hosts)
    });
    poll(node, Server::http(sockets, black_box(80), sessions));
}

fn site<'h, 'm, S: Store>(
    store: S,
    assets: &'h [Asset<'h>],
) -> Assets<'h, Uploads<'h, S, Site<'h, 'm>>> {
    let options = UploadOptions {
        path: "/files/",
        bytes_max: black_box(64),
        origins: &["http://page.example"],
    };
    Assets::new(
        assets,
        Uploads::new(options, Some(store), Site(PhantomData)),
    )
}

/// Answers in each way that there is.
struct Site<'h, 'm>(PhantomData<&'h Hub<'m>>);

impl<'h, 'm> Handler for Site<'h, 'm> {
    type Upgrade = Socket<'h, 'm>;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        let entity = Entity {
            length: black_box(9),
            content_type: "text/css",
            etag: request.parameter("etag"),
            modified: Some(LastModified::at(black_box(9))),
            fields: &[],
        };
        match request.path() {
            "/entity" => response.entity(request, &entity),
            "/chunks" => response.status(200).chunked(),
            "/body" => response.receive(black_box(9)),
            _ => hub::respond(request, response)
                .unwrap_or_else(|response| response.status(404).reason()),
        }
    }

    fn unix_time(&self) -> Option<u64> {
        black_box(Some(0))
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        Ok(black_box(data.len()))
    }

    fn respond_to_body(
        &mut self,
        _: &Request<'_>,
        _: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        black_box(Poll::Ready(response.status(200).bytes(b"x")))
    }

    fn fill(&mut self, _: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        black_box(Poll::Ready(Ok(buffer.len())))
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        session: &mut Socket<'h, 'm>,
    ) -> Result<Switch, Reply> {
        let origins = black_box(&["http://page.example"]);
        hub::upgrade(request, response, session, origins)
            .map_err(|refused| refused.unwrap_or_else(|response| self.respond(request, response)))
    }
}

/// A WebSocket's client, with a queue.
fn call(node: &mut Node, socket: SocketHandle, remote: IpEndpoint) -> Result<(), Failure> {
    let failed = Failure::usage("it is not run");
    let url = Url::parse_websocket(black_box("ws://h/")).map_err(|_| failed)?;
    let request = ClientRequest::new(&url, &[], black_box(&["chat"])).map_err(|_| failed)?;
    let (mut slots, mut bytes) = ([QueueSlot::EMPTY; 2], [0; 64]);
    let mut queue = MessageQueue::new(&mut slots[..], &mut bytes[..]);
    let part = Part {
        kind: Kind::Text,
        bytes: black_box(b"hello"),
        is_last: true,
    };
    let _ = black_box(queue.push(part));
    let (mut location, mut message) = ([0; 64], [0; 64]);
    let options = websocket::Options::default();
    let session = ClientSession::new(
        request,
        &mut location,
        &mut message[..],
        options,
        Talk(queue),
    );
    poll(
        node,
        Client::new(socket, remote, session, ClientOptions::default()),
    );
    Ok(())
}

struct Talk<'m>(MessageQueue<'m>);

impl Endpoint for Talk<'_> {
    fn on_part(&mut self, channel: &mut Channel, _: Part) -> bool {
        channel.close(CloseCode::NORMAL, "");
        true
    }

    fn transmit(&mut self, channel: &mut Channel) {
        channel.send_queued(&mut self.0);
    }
}

fn poll<A: App>(node: &mut Node, app: A) {
    let mut task = Task::new(black_box(app));
    node.turn(&mut task, black_box(&mut ()));
}
