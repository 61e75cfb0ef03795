//! The handler of the server: files, their folders, the hub, and what is not there.

use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rustix::fs::Stat;
use tickwire::http::server::{
    Entity, Etag, Handler, LastModified, Method, Reply, Request, Response, Switch,
};
use tickwire::http::{Header, percent};
use tickwire::{Source, SourceError};

use super::folder::{Folder, Found};
use super::media_type;
use super::rooms::{Rooms, Socket};
use crate::storage::file_source::FileSource;
use crate::system::clock::Clock;

/// The path under which files are.
pub const FILES: &str = "/files/";
/// What a person asks for who leaves the slash out.
const FILES_WITHOUT_SLASH: &str = "/files";
/// Longest name of a file with its folders, in bytes: what Linux takes.
const NAME_BYTES_MAX: usize = 4_096;
/// A file that changed this recently may change again without another time of change: clocks of file
/// systems tick.
const FRESH: Duration = Duration::from_secs(2);

/// Fields of an answer with this Content-Security-Policy.
const fn fields(policy: &'static str) -> [Header<'static>; 3] {
    [
        Header {
            name: "Cache-Control",
            value: "no-cache",
        },
        Header {
            name: "Content-Security-Policy",
            value: policy,
        },
        Header {
            name: "X-Content-Type-Options",
            value: "nosniff",
        },
    ]
}

/// A file may be anybody's: nothing in it runs as a part of this site, and it is what its type says.
/// A text with a link to save it may be one.
const FILE: [Header<'static>; 3] = fields("sandbox allow-downloads");
/// A listing is our own, and has nothing that runs.
const LISTING: [Header<'static>; 3] = fields(
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
);

/// Serves the files of a folder to one caller at a time.
#[derive(Debug)]
pub struct Site {
    folder: Option<Rc<Folder>>,
    /// Another handler takes files into the folder.
    takes_files: bool,
    rooms: Rooms,
    clock: Clock,
    body: Body,
}

/// What is being sent.
#[derive(Debug)]
enum Body {
    Nothing,
    File(FileSource),
    Listing(Vec<u8>),
}

impl Site {
    /// A site with the files of `folder`, if there is one, into which another handler takes files or
    /// not, and a hub.
    pub const fn new(
        folder: Option<Rc<Folder>>,
        takes_files: bool,
        rooms: Rooms,
        clock: Clock,
    ) -> Self {
        Self {
            folder,
            takes_files,
            rooms,
            clock,
            body: Body::Nothing,
        }
    }

    /// Answers a request for the file or folder of this name, percent-encoded.
    fn file(&mut self, name: &str, request: &Request<'_>, response: Response<'_>) -> Reply {
        if !matches!(request.method(), Method::Get | Method::Head) {
            let allowed = if self.takes_files {
                "GET, HEAD, POST"
            } else {
                "GET, HEAD"
            };
            return response.status(405).field("Allow", allowed).reason();
        }
        let mut memory = [0; NAME_BYTES_MAX];
        let found = self.folder.as_ref().and_then(|folder| {
            let name = percent::decode_bytes(name, &mut memory)?;
            Some((folder.find(name).ok()?, media_type::of(name)))
        });
        match found {
            None => response.status(404).reason(),
            Some((Found::NeedsSlash, _)) => with_slash(request, response),
            Some((Found::Folder(listing), _)) => {
                let page = listing.page(self.takes_files);
                let length = page.len() as u64;
                self.body = Body::Listing(page);
                let mut head = response.status(200);
                for Header { name, value } in LISTING {
                    head = head.field(name, value);
                }
                head.field("Content-Type", "text/html; charset=utf-8")
                    .stream(length)
            }
            Some((Found::File { source, found }, content_type)) => {
                let now = self.clock.unix();
                let entity = Entity {
                    length: source.len(),
                    content_type,
                    etag: Some(&etag(&found, now)),
                    modified: modified(&found, now),
                    fields: &FILE,
                };
                self.body = Body::File(source);
                response.entity(request, &entity)
            }
        }
    }
}

/// Sends the caller to the same path with a slash at its end.
fn with_slash(request: &Request<'_>, response: Response<'_>) -> Reply {
    let query = request.query().map(|query| format!("?{query}"));
    let location = format!("{}/{}", request.path(), query.unwrap_or_default());
    response.status(308).field("Location", &location).empty()
}

/// When a file changed last, unless that is only now or yet to come.
fn modified(found: &Stat, now: Duration) -> Option<LastModified> {
    let modified = u64::try_from(found.st_mtime).ok()?;
    let is_over = Duration::from_secs(modified) + FRESH <= now;
    is_over.then(|| LastModified::at(modified))
}

/// The tag of what the system knows of a file's version: weak while another may look the same.
fn etag(found: &Stat, now: Duration) -> String {
    let mut known = Vec::new();
    // Their types differ between targets; the bytes are the same wherever this runs again.
    known.extend_from_slice(&found.st_ino.to_ne_bytes());
    known.extend_from_slice(&found.st_size.to_ne_bytes());
    known.extend_from_slice(&found.st_mtime.to_ne_bytes());
    known.extend_from_slice(&found.st_mtime_nsec.to_ne_bytes());
    known.extend_from_slice(&found.st_ctime.to_ne_bytes());
    known.extend_from_slice(&found.st_ctime_nsec.to_ne_bytes());
    let changed = Duration::from_secs(u64::try_from(found.st_ctime).unwrap_or_default());
    let prefix = if changed + FRESH > now { "W/" } else { "" };
    format!("{prefix}{}", Etag::of(&known).as_str())
}

impl Handler for Site {
    type Upgrade = Socket;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        match request.path().strip_prefix(FILES) {
            Some(_) if self.folder.is_none() => {
                response.status(404).text("No folder is served here.\n")
            }
            Some(name) => self.file(name, request, response),
            None if request.path() == FILES_WITHOUT_SLASH => with_slash(request, response),
            None => {
                let answered = self.rooms.respond(request, response);
                answered.unwrap_or_else(|response| response.status(404).reason())
            }
        }
    }

    /// A wish for another protocol than the hub's is ignored.
    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        socket: &mut Socket,
    ) -> Result<Switch, Reply> {
        let rooms = self.rooms;
        rooms
            .upgrade(request, response, socket)
            .map_err(|refused| refused.unwrap_or_else(|response| self.respond(request, response)))
    }

    fn unix_time(&self) -> Option<u64> {
        Some(self.clock.unix().as_secs())
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        Poll::Ready(match &mut self.body {
            Body::Nothing => Err(SourceError::Changed),
            Body::File(source) => source.read_at(offset, buffer),
            Body::Listing(listing) => listing.as_slice().read_at(offset, buffer),
        })
    }

    fn end(&mut self) {
        self.body = Body::Nothing;
    }
}
