//! `hosttap serve`: a page, the files of a folder, and a hub, to browsers.

use std::fmt::Display;
use std::mem::replace;
use std::rc::Rc;

use tickwire::http::Server;
use tickwire::http::server::{
    self, Assets, HttpSession, RequestError, ServeError, UploadOptions, Uploads,
};
use tickwire::hub::{SessionError, socketio};
use tickwire::websocket::WebSocketError;
use tickwire::{App, Duration, Event, Observer, Task, Tick};

use super::console_observer::ServerObserver;
use super::join;
use crate::cli::{LinkOptions, ServeOptions};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, Room, TapStack};
use crate::serve::folder::Folder;
use crate::serve::page;
use crate::serve::rooms::{LINE_CALLERS_MAX, Lines, Rooms};
use crate::serve::site::{FILES, Site};
use crate::storage::directory_store::{DirectoryStore, Limits};
use crate::terminal::console::Console;
use crate::terminal::text::to_socket_addr;

/// Callers that are served at a time. A browser opens six connections to one host. When all are busy,
/// eight more may wait (the guard's limit).
const CALLERS_MAX: usize = 32;
/// The same with a hub, whose members by default may all come over this port.
const HUB_CALLERS_MAX: usize = CALLERS_MAX + 64;
/// The name of the task for callers over plain TCP.
const LINES: &str = "lines";
/// The size of each buffer of a caller over plain TCP.
const LINES_BUFFER_BYTES: usize = 16 * 1024;
/// How long members have to hear that the server is going away.
const PARTING_MAX: Duration = Duration::from_secs(1);
/// Memory for the heads of a caller's request and of its answer.
const HEAD_BYTES: usize = 16 * 1024;

/// Runs the command until it is interrupted.
///
/// # Errors
/// [`Exit::Usage`] if pages and lines are to have one port; [`Exit::Read`] if the folder cannot be
/// served, [`Exit::Write`] if nothing can be stored in it; [`Exit::Interrupted`].
pub fn run(link: &LinkOptions, options: &ServeOptions) -> Result<Exit, Failure> {
    if options.hub.lines == Some(options.port) {
        let why = format!("--lines {0}: pages are on port {0} (--port)", options.port);
        return Err(Failure::new(Exit::Usage, why));
    }
    let mut console = Console::new(link.verbose, link.quiet);
    let folder = options.dir.as_deref().map(Folder::open).transpose()?;
    let (room, serve): (_, Serve) = if options.hub.is_on {
        (Room::Many, serve::<HUB_CALLERS_MAX>)
    } else {
        (Room::Few, serve::<CALLERS_MAX>)
    };
    let mut stack = join::open_with(link, &mut console, room)?;
    let store = match options.dir.as_deref().filter(|_| options.upload) {
        Some(dir) => {
            let store = DirectoryStore::open(dir, stack.clock.clone(), Limits::default())?;
            console.status("Whoever reaches the port can store files");
            Some(store)
        }
        None => None,
    };
    let mut served = Served::default();
    let content = Content { folder, store };
    let result = serve(&mut stack, &mut console, options, content, &mut served);
    console.status(&served);
    result
}

/// What answers a caller's requests.
type Pages<const N: usize> = Server<'static, Handler, N>;
type Handler = Assets<'static, Uploads<'static, DirectoryStore, Site>>;

/// What a folder has to do with it.
struct Content {
    folder: Option<Folder>,
    store: Option<DirectoryStore>,
}

type Serve =
    fn(&mut TapStack, &mut Console, &ServeOptions, Content, &mut Served) -> Result<Exit, Failure>;

/// Serves `N` callers at a time.
fn serve<const N: usize>(
    stack: &mut TapStack,
    console: &mut Console,
    options: &ServeOptions,
    Content { folder, store }: Content,
    served: &mut Served,
) -> Result<Exit, Failure> {
    let folder = folder.map(Rc::new);
    // For as long as the program runs.
    let leaked = |texts: &[String]| -> &'static [&'static str] {
        let texts = texts.iter().map(|text| &*text.clone().leak());
        texts.collect::<Vec<&str>>().leak()
    };
    let (hosts, origins) = (leaked(&options.host), leaked(&options.origin));
    let uploads = UploadOptions {
        path: FILES,
        bytes_max: options.max_size.unwrap_or(u64::MAX),
        origins,
    };
    let sockets = [(); N].map(|()| stack.add_socket(BULK_BUFFER_BYTES));
    let rooms = Rooms::open(&options.hub, origins);
    let assets = page::assets(options.hub.is_on, folder.is_some());
    let sessions = sockets.map(|_| {
        let site = Site::new(folder.clone(), store.is_some(), rooms, stack.clock.clone());
        let store = store.as_ref().map(DirectoryStore::another);
        let handler = Assets::new(assets, Uploads::new(uploads, store, site));
        let head = vec![0; HEAD_BYTES].leak();
        HttpSession::with_upgrade(handler, rooms.socket(), head).with_hosts(hosts)
    });
    let lines = options.hub.lines.map(|port| {
        let sockets = [(); LINE_CALLERS_MAX].map(|()| stack.add_socket(LINES_BUFFER_BYTES));
        Task::named(LINES, rooms.lines(sockets, port))
    });
    let mut servers = Servers {
        pages: Task::new(Server::http(sockets, options.port, sessions)),
        lines,
    };
    loop {
        let wake = servers.turn(stack, &mut ServeObserver { console, served });
        match servers.outcome() {
            Some(Ok(())) => return Ok(Exit::Success),
            Some(Err(error)) => {
                return Err(Failure::new(Exit::Unknown, format!("serve: {error}")));
            }
            None if stack.wait_or_signal(wake, None, None)?.interrupted => {
                rooms.close();
                servers.part(stack, &mut ServeObserver { console, served });
                return Err(stack.interrupted());
            }
            None => {}
        }
    }
}

/// The server of pages, and that of callers over plain TCP.
struct Servers<const N: usize> {
    pages: Task<Pages<N>>,
    lines: Option<Task<Lines>>,
}

impl<const N: usize> Servers<N> {
    fn turn(&mut self, stack: &mut TapStack, observer: &mut dyn Observer) -> Option<Tick> {
        match &mut self.lines {
            Some(lines) => stack.turn(&mut [&mut self.pages, lines], observer),
            None => stack.turn(&mut [&mut self.pages], observer),
        }
    }

    /// How the first of both ended.
    fn outcome(&self) -> Option<Result<(), String>> {
        let pages = self.pages.outcome();
        let pages = pages.map(|ended| ended.map_err(|error| error.to_string()));
        let lines = self.lines.as_ref().and_then(Task::outcome);
        pages.or(lines.map(|ended| ended.map_err(|error| error.to_string())))
    }

    /// Goes on until all members of a hub that was closed are gone, for a moment at most.
    fn part(&mut self, stack: &mut TapStack, observer: &mut dyn Observer) {
        let end = stack.clock.now() + PARTING_MAX;
        loop {
            let wake = self.turn(stack, observer).map_or(end, |wake| wake.min(end));
            let has_members = self.has_members(stack) && stack.clock.now() < end;
            if !has_members || self.outcome().is_some() || !stack.wait_for_frame(wake) {
                return;
            }
        }
    }

    fn has_members(&self, stack: &TapStack) -> bool {
        let mut pages = self.pages.app().sessions();
        let mut lines = self.lines.iter().flat_map(|lines| lines.app().sockets());
        pages.any(HttpSession::is_upgraded) || lines.any(|socket| stack.is_owed(*socket))
    }
}

/// What was served.
#[derive(Debug, Default)]
struct Served {
    /// Whether the listening ports were printed: that of pages, and that of lines.
    is_port_printed: [bool; 2],
    answers: u64,
    /// Those with a status of 400 and above.
    refusals: u64,
    failures: u64,
    /// Whether it was printed that somebody calls this server by a name that it does not go by.
    is_name_printed: bool,
}

impl std::fmt::Display for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self {
            answers,
            refusals,
            failures,
            ..
        } = self;
        write!(
            f,
            "{answers} requests answered, {refusals} of them with an error; {failures} connections failed"
        )
    }
}

/// Prints the port, and with `-v` every caller and answer: each page is many of them.
struct ServeObserver<'c> {
    console: &'c mut Console,
    served: &'c mut Served,
}

impl Observer for ServeObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        let (console, served) = (&mut *self.console, &mut *self.served);
        let [pages_printed, lines_printed] = &mut served.is_port_printed;
        if let Some(server::Event::Answer { status }) = event.app() {
            served.answers += 1;
            served.refusals += u64::from(*status >= 400);
            return console.detail(format_args!("{now}  status {status}"));
        }
        if let Some(socketio::Event::Acknowledged) = event.app() {
            return console.detail(format_args!("{now}  acknowledged news"));
        }
        match *event {
            Event::Connected { remote, .. } => {
                console.detail(format_args!("{now}  {} connected", to_socket_addr(remote)));
            }
            Event::Disconnected { remote } => {
                console.detail(format_args!(
                    "{now}  {} disconnected",
                    to_socket_addr(remote)
                ));
            }
            Event::Failed { remote, .. } => {
                served.failures += 1;
                let pages = event.error::<ServeError<WebSocketError>>();
                let lines = event.error::<SessionError>();
                let misdirected = ServeError::Request(RequestError::Misdirected);
                if pages == Some(&misdirected) && !replace(&mut served.is_name_printed, true) {
                    console.status("A request for another name was refused; see --host");
                }
                let error = pages.map(|error| error as &dyn Display);
                let error = error.or(lines.map(|error| error as &dyn Display));
                if let (Some(remote), Some(error)) = (remote, error) {
                    let remote = to_socket_addr(remote);
                    console.detail(format_args!("{now}  {remote}: {error}"));
                }
            }
            _ => ServerObserver {
                console,
                is_port_printed: if task == LINES {
                    lines_printed
                } else {
                    pages_printed
                },
            }
            .event(now, task, event),
        }
    }
}
