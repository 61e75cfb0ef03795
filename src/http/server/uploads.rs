//! Files that browsers and scripts send, into a store.

use core::task::Poll;

use super::form::{Form, NotOneFile};
use super::{Handler, Method, Reply, Request, Response, Switch};
use crate::file::{FileName, clean};
use crate::http::{Framing, percent};
use crate::store::{Store, StoreError, Upload};
use crate::{SinkError, SourceError, Tick};

/// What stands around a file in a form, in bytes: at most this much is taken beyond the limit of a
/// file.
const FORM_BYTES_MAX: u64 = 1024;
/// Longest path of a file, percent-encoding removed, in bytes.
const PATH_BYTES_MAX: usize = 512;

/// What a caller may set about uploads.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UploadOptions<'a> {
    /// The path below which files are posted, with a slash at its end.
    pub path: &'a str,
    /// Largest file in bytes.
    pub bytes_max: u64,
    /// Pages that may send files beside our own: see [`Request::is_origin_allowed`].
    pub origins: &'a [&'a str],
}

/// Takes files into a store, and leaves every other request to another handler.
///
/// A POST to `path` and a name has the bytes of a file as its body, or a form with one file
/// (`multipart/form-data`); one to `path` itself is such a form, as browsers send it, and the name is
/// in it. The file appears in the store whole or not at all, and is durable when the answer says so:
/// 201 with the file's own path as its Location where the store has names, or 303 back to `path` for a
/// form without a name in the path. There is no authentication: whoever reaches the port can store a
/// file.
///
/// Each caller's handler needs a store of its own, or several callers would end each other's uploads.
/// An upload that breaks off leaves nothing.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Uploads<'a, S, H> {
    options: UploadOptions<'a>,
    store: Option<S>,
    rest: H,
    /// The present request is for us.
    is_ours: bool,
    /// The upload of the present request, until it is stored.
    upload: Option<Incoming>,
}

/// A file that is coming in.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Incoming {
    name: FileName,
    /// The name is in the path: the one in a form does not count.
    is_named: bool,
    began: Tick,
    form: Option<Form>,
    /// Length of the file, or of the whole form before the head of its part has come.
    length: u64,
    /// Bytes of the file that are still to come.
    left: u64,
    stage: Stage,
    failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Stage {
    /// In the head of the form's part.
    PartHead,
    /// The store is asked for room.
    Beginning,
    /// The store has an open upload.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Failure {
    Form,
    TooLarge,
    Store(StoreError),
}

impl From<NotOneFile> for Failure {
    fn from(_: NotOneFile) -> Self {
        Self::Form
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<'a, S: Store, H> Uploads<'a, S, H> {
    /// Takes files into `store`, and leaves the rest to `rest`: everything, where there is no store.
    pub const fn new(options: UploadOptions<'a>, store: Option<S>, rest: H) -> Self {
        Self {
            options,
            store,
            rest,
            is_ours: false,
            upload: None,
        }
    }

    /// The store.
    pub const fn store(&self) -> Option<&S> {
        self.store.as_ref()
    }

    /// The store, which the caller may need to tell that its hardware has finished.
    pub const fn store_mut(&mut self) -> Option<&mut S> {
        self.store.as_mut()
    }

    /// The handler of the other requests.
    pub const fn rest(&self) -> &H {
        &self.rest
    }

    /// The same, to command it between turns.
    pub const fn rest_mut(&mut self) -> &mut H {
        &mut self.rest
    }

    /// The name that a request is an upload to, percent-encoded, if it is one.
    fn name<'h>(&self, request: &Request<'h>) -> Option<&'h str> {
        let is_post = request.method() == Method::Post && self.store.is_some();
        let name = request.path().strip_prefix(self.options.path);
        name.filter(|_| is_post)
    }

    /// Begins an upload to this name, percent-encoded, which is empty for a form.
    fn begin(&mut self, name: &str, request: &Request<'_>, response: Response<'_>) -> Reply {
        if !request.is_origin_allowed(self.options.origins) {
            return response.status(403).text("Not from this page.\n");
        }
        let Framing::Length(length) = request.framing() else {
            return response.status(411).reason();
        };
        let content_type = request.field("Content-Type").unwrap_or_default();
        let mut memory = [0; PATH_BYTES_MAX];
        // Folders are not the store's, so no name in one is.
        let is_name = |name: &&str| !name.contains('/');
        let Some(decoded) = percent::decode(name, &mut memory).filter(is_name) else {
            return response.status(400).text("This is no name of a file.\n");
        };
        let form = Form::new(content_type);
        let (stage, extra) = match form {
            Some(_) => (Stage::PartHead, FORM_BYTES_MAX),
            None if name.is_empty() => return response.status(415).reason(),
            None => (Stage::Beginning, 0),
        };
        self.upload = Some(Incoming {
            name: clean(decoded),
            is_named: !name.is_empty(),
            began: response.now(),
            form,
            length,
            left: length,
            stage,
            failure: None,
        });
        response.receive(self.options.bytes_max.saturating_add(extra))
    }
}

impl Incoming {
    /// Takes bytes of the body: as [`Handler::write`].
    fn write(&mut self, store: &mut impl Store, max: u64, data: &[u8]) -> Result<usize, Failure> {
        if self.stage == Stage::Beginning && !self.open(store)? {
            return Ok(0);
        }
        match self.stage {
            Stage::PartHead => self.read_part_head(max, data),
            _ if self.left > 0 => self.write_file(store, data),
            _ => {
                if let Some(form) = &mut self.form {
                    form.read_tail(data)?;
                }
                Ok(data.len())
            }
        }
    }

    fn read_part_head(&mut self, max: u64, data: &[u8]) -> Result<usize, Failure> {
        let Some(form) = &mut self.form else {
            return Err(Failure::Form);
        };
        let (taken, is_complete) = form.read_head(data)?;
        if is_complete {
            self.length = form.file_length(self.length)?;
            self.left = self.length;
            let name = form.name()?;
            if !self.is_named {
                self.name = clean(name);
            }
            self.stage = Stage::Beginning;
            if self.length > max {
                return Err(Failure::TooLarge);
            }
        }
        Ok(taken)
    }

    /// Asks the store for room; whether it has it now.
    fn open(&mut self, store: &mut impl Store) -> Result<bool, Failure> {
        let upload = Upload {
            name: Some(&self.name),
            length: self.length,
            digest: None,
        };
        match store.begin(self.began, &upload) {
            Poll::Pending => Ok(false),
            // Without a digest it cannot know the file.
            Poll::Ready(begun) => {
                begun?;
                self.stage = Stage::Open;
                Ok(true)
            }
        }
    }

    fn write_file(&mut self, store: &mut impl Store, data: &[u8]) -> Result<usize, Failure> {
        let offered = crate::payload::at_most(data, self.left);
        let Poll::Ready(taken) = store.write(offered) else {
            return Ok(0);
        };
        let taken = taken?.min(offered.len());
        if let Some(form) = &mut self.form {
            form.check_file(offered.get(..taken).unwrap_or_default())?;
        }
        // No more was offered than is left.
        self.left = self.left.saturating_sub(taken as u64);
        Ok(taken)
    }

    /// The body is whole: makes the file durable.
    fn commit(&mut self, store: &mut impl Store) -> Poll<Result<(), Failure>> {
        if self.form.as_ref().is_some_and(|form| !form.is_complete()) {
            return Poll::Ready(Err(Failure::Form));
        }
        // An empty file has no byte with which to begin.
        if self.stage == Stage::Beginning && !self.open(store)? {
            return Poll::Pending;
        }
        store.commit().map_err(Failure::from)
    }
}

impl<S: Store, H: Handler> Handler for Uploads<'_, S, H> {
    type Upgrade = H::Upgrade;

    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply {
        match self.name(request) {
            Some(name) => {
                self.is_ours = true;
                self.begin(name, request, response)
            }
            None => self.rest.respond(request, response),
        }
    }

    fn unix_time(&self) -> Option<u64> {
        self.rest.unix_time()
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let (Some(upload), Some(store)) = (&mut self.upload, &mut self.store) else {
            return self.rest.write(data);
        };
        let written = upload.write(store, self.options.bytes_max, data);
        written.map_err(|failure| {
            upload.failure = Some(failure);
            match failure {
                Failure::Store(StoreError::Failed { code }) => SinkError::Failed { code },
                _ => SinkError::Full,
            }
        })
    }

    fn respond_to_body(
        &mut self,
        request: &Request<'_>,
        received: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        let (Some(upload), Some(store)) = (&mut self.upload, &mut self.store) else {
            return self.rest.respond_to_body(request, received, response);
        };
        let result = match upload.failure {
            Some(failure) => Err(failure),
            None => match upload.commit(store) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result,
            },
        };
        let is_named = upload.is_named;
        if result.is_ok() {
            self.upload = None;
        }
        Poll::Ready(match result {
            Ok(()) => {
                let path = self.options.path;
                let answer = match store.stored_name().filter(|_| is_named) {
                    Some(name) => response.status(201).location(path, name),
                    None if is_named => response.status(201),
                    None => response.status(303).field("Location", path),
                };
                answer.text("Stored.\n")
            }
            Err(Failure::Form) => response.status(400).text("This form is not one file.\n"),
            Err(Failure::TooLarge) => response.status(413).reason(),
            Err(Failure::Store(StoreError::TooLarge)) => response.status(507).reason(),
            Err(Failure::Store(StoreError::Busy)) => response.status(503).reason(),
            Err(Failure::Store(_)) => response.status(500).text("It cannot be stored.\n"),
        })
    }

    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        self.rest.fill(offset, buffer)
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        session: &mut H::Upgrade,
    ) -> Result<Switch, Reply> {
        match self.name(request) {
            Some(_) => Err(self.respond(request, response)),
            None => self.rest.upgrade(request, response, session),
        }
    }

    fn end(&mut self) {
        if let (Some(_), Some(store)) = (self.upload.take(), &mut self.store) {
            // Where it takes longer than this call, the store goes on with it when it begins again.
            let _ = store.abandon(false);
        }
        if !core::mem::take(&mut self.is_ours) {
            self.rest.end();
        }
    }
}
