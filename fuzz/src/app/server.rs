//! The HTTP server of the app targets.

use std::task::Poll;

use smoltcp::iface::SocketHandle;
use tickwire::http::Server;
use tickwire::http::server::{
    Asset, Assets, Handler, HttpSession, Method, Reply, Request, Response, Switch, UploadOptions,
    Uploads,
};
use tickwire::store::MemoryStore;
use tickwire::{EchoSession, SinkError, SourceError};

use super::PORT;

pub(super) type Site<'a> = Assets<'a, Uploads<'a, MemoryStore<'a>, Rest>>;

/// What callers say when all is well, so that an input gets behind the first word.
pub(super) const WORDS: [&[u8]; 8] = [
    b"GET /page HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\n\r\n",
    b"GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /f/x HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n",
    b"POST /body HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"8\r\n8 bytes!\r\n0\r\n\r\n",
    b"POST /f/ HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 80\r\n\r\n",
    b"--b\r\nContent-Disposition: form-data; filename=\"n\"\r\n\r\nxxxxxxxxxxxxxx\r\n--b--\r\n",
    b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
];

static ASSETS: [Asset<'static>; 1] = [Asset::new("/page", "text/plain", &[b'x'; 700])];

/// A server of one caller, with room for files of so many bytes.
pub(super) fn server<'a>(
    socket: SocketHandle,
    head: &'a mut [u8],
    first: &'a mut [u8],
    second: &'a mut [u8],
) -> Server<'a, Site<'a>, 1> {
    let options = UploadOptions {
        path: "/f/",
        bytes_max: 200,
        origins: &[],
    };
    let store = MemoryStore::new(first, second);
    let handler = Assets::new(&ASSETS, Uploads::new(options, Some(store), Rest::default()));
    let session = HttpSession::with_upgrade(handler, EchoSession, head);
    Server::http([socket], PORT, [session])
}

/// A body in chunks, a body that is taken, and an upgrade. It must be told of the end of each request.
#[derive(Default)]
pub(super) struct Rest {
    is_busy: bool,
    received: u64,
}

impl Handler for Rest {
    type Upgrade = EchoSession;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        assert!(!self.is_busy, "the last request has not ended");
        self.is_busy = true;
        self.received = 0;
        match (request.method(), request.path()) {
            (Method::Get, "/chunks") => response.status(200).chunked(),
            (Method::Post, _) => response.receive(100),
            _ => response.status(404).reason(),
        }
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        assert!(self.is_busy && !data.is_empty());
        let taken = data.len().min(3);
        self.received += taken as u64;
        assert!(self.received <= 100, "more than the limit");
        Ok(taken)
    }

    fn respond_to_body(
        &mut self,
        _request: &Request<'_>,
        _received: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        assert!(self.is_busy);
        Poll::Ready(response.status(200).text("ok"))
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        assert!(self.is_busy && !buffer.is_empty());
        let left = usize::try_from(900_u64.saturating_sub(offset)).unwrap_or(0);
        let count = left.min(buffer.len());
        buffer[..count].fill(b'c');
        Poll::Ready(Ok(count))
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        _session: &mut EchoSession,
    ) -> Result<Switch, Reply> {
        if request.path() != "/echo" {
            return Err(self.respond(request, response));
        }
        self.is_busy = true;
        Ok(response.switch_to("echo", &[]))
    }

    fn end(&mut self) {
        assert!(self.is_busy, "no request has begun");
        self.is_busy = false;
    }
}
