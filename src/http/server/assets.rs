//! What is served from memory.

use core::task::Poll;

use super::{Entity, Etag, Handler, Method, Reply, Request, Response, Switch};
use crate::http::Header;
use crate::{SinkError, Source, SourceError};

/// A file that the program has in its memory: with `include_bytes!`, in flash.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Asset<'a> {
    /// Its path, as it stands in a request line.
    pub path: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// Its bytes.
    pub body: &'a [u8],
    /// Its entity tag.
    pub etag: Etag,
}

impl<'a> Asset<'a> {
    /// A file with the tag that [`Etag::of`] makes of it.
    pub const fn new(path: &'a str, content_type: &'a str, body: &'a [u8]) -> Self {
        Self {
            path,
            content_type,
            body,
            etag: Etag::of(body),
        }
    }
}

/// Serves assets, and leaves every other path to a handler of the program's own.
///
/// A browser asks each time whether what it has is still right (`Cache-Control: no-cache`), and is
/// told so by 304.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Assets<'a, H> {
    /// Lent by the caller for the life of the server.
    assets: &'a [Asset<'a>],
    rest: H,
    /// The asset that is being sent, or was asked for in vain.
    asset: Option<&'a Asset<'a>>,
}

impl<'a, H> Assets<'a, H> {
    /// The asset that a request is for.
    fn find(&self, request: &Request<'_>) -> Option<&'a Asset<'a>> {
        let path = request.path();
        self.assets.iter().find(|asset| asset.path == path)
    }

    /// Serves `assets`, and leaves the rest to `rest`, which may be [`NotFound`](super::NotFound).
    pub const fn new(assets: &'a [Asset<'a>], rest: H) -> Self {
        Self {
            assets,
            rest,
            asset: None,
        }
    }

    /// The handler of the other paths.
    pub const fn rest(&self) -> &H {
        &self.rest
    }

    /// The same, to command it between turns.
    pub const fn rest_mut(&mut self) -> &mut H {
        &mut self.rest
    }
}

impl<H: Handler> Handler for Assets<'_, H> {
    type Upgrade = H::Upgrade;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        let Some(asset) = self.find(request) else {
            return self.rest.respond(request, response);
        };
        self.asset = Some(asset);
        if !matches!(request.method(), Method::Get | Method::Head) {
            return response.status(405).field("Allow", "GET, HEAD").reason();
        }
        let entity = Entity {
            length: asset.body.len() as u64,
            content_type: asset.content_type,
            etag: Some(asset.etag.as_str()),
            modified: None,
            fields: &[Header {
                name: "Cache-Control",
                value: "no-cache",
            }],
        };
        response.entity(request, &entity)
    }

    fn unix_time(&self) -> Option<u64> {
        self.rest.unix_time()
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.rest.write(data)
    }

    fn respond_to_body(
        &mut self,
        request: &Request<'_>,
        received: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        self.rest.respond_to_body(request, received, response)
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        match self.asset {
            Some(asset) => Poll::Ready({ asset.body }.read_at(offset, buffer)),
            None => self.rest.fill(offset, buffer),
        }
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        session: &mut H::Upgrade,
    ) -> Result<Switch, Reply> {
        match self.find(request) {
            Some(_) => Err(self.respond(request, response)),
            None => self.rest.upgrade(request, response, session),
        }
    }

    fn end(&mut self) {
        if self.asset.take().is_none() {
            self.rest.end();
        }
    }
}
