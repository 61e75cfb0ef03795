//! Tries what the tables cannot tell: who answers for our address, and whether connections get
//! through in both directions.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration as StdDuration;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::{
    AnyTask, Client, ClientOptions, Connection, Duration, Echo, Error, Session, Step, Task,
};

use crate::cli::{ECHO_PORT, LinkOptions};
use crate::exit::Failure;
use crate::link::stack::{Room, TapStack};
use crate::system::random::random_bytes;

/// How long a connection may take. The first ARP request may be lost while the link comes up, and
/// the next comes a second later.
const PATIENCE: StdDuration = StdDuration::from_secs(3);
/// The same on our clock.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often we look whether the kernel's side is done.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
const BUFFER_BYTES: usize = 4 * 1024;

/// How two connections through the TAP went.
#[derive(Debug)]
pub(super) struct Trial {
    /// Whether the kernel reached us.
    pub(super) from_kernel: bool,
    /// How our connection to the kernel went, if it has an address for one.
    pub(super) to_kernel: Option<Result<(), Error>>,
}

/// Connects from the kernel to us and, if it has an address in our network, from us to the kernel.
///
/// # Errors
/// As [`TapStack::open`], and after Ctrl-C.
pub(super) fn connect(
    options: &LinkOptions,
    ours: IpAddr,
    kernel: Option<IpAddr>,
) -> Result<Trial, Failure> {
    let options = LinkOptions {
        // Nothing is changed.
        host_address: None,
        ..options.clone()
    };
    let mut stack = TapStack::open(&options, Room::Few)?;
    let [listening, dialling] = [(); 2].map(|()| stack.add_socket(BUFFER_BYTES));
    let mut echo = Task::new(Echo::echo([listening], ECHO_PORT, false));
    let listener = kernel.and_then(|kernel| TcpListener::bind((kernel, 0)).ok());
    let port = listener
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let mut touch = port.map(|port| Task::new(touch(dialling, port)));
    // After one turn it listens; before, the kernel would be refused.
    stack.turn(&mut [&mut echo], &mut ());
    let ours = SocketAddr::new(ours, ECHO_PORT);
    let kernel_side = thread::spawn(move || is_echoed_by(ours));
    loop {
        let mut tasks: Vec<&mut dyn AnyTask> = vec![&mut echo];
        tasks.extend(touch.as_mut().map(|task| task as &mut dyn AnyTask));
        let wake = stack.turn(&mut tasks, &mut ());
        let is_dialling = touch.as_ref().is_some_and(|task| !task.is_finished());
        if kernel_side.is_finished() && !is_dialling {
            break;
        }
        let look_at = stack.clock.now() + LOOK_PERIOD;
        stack.wait(wake.into_iter().chain([look_at]).min(), None, None)?;
    }
    stack.abort_all();
    Ok(Trial {
        from_kernel: kernel_side.join().unwrap_or(false),
        to_kernel: touch.and_then(|task| task.outcome().copied()),
    })
}

/// Whether our stack echoes at this address. Another program would not know what we sent.
fn is_echoed_by(address: SocketAddr) -> bool {
    let try_it = || -> std::io::Result<bool> {
        let (sent, mut received): ([u8; 16], _) = (random_bytes()?, [0; 16]);
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&sent)?;
        stream.read_exact(&mut received)?;
        Ok(sent == received)
    };
    try_it().unwrap_or(false)
}

/// A connection that is closed as soon as it is there.
struct Touch;

fn touch(socket: SocketHandle, remote: SocketAddr) -> Client<Touch> {
    let remote = IpEndpoint::new(remote.ip().into(), remote.port());
    let options = ClientOptions {
        connect_timeout: CONNECT_TIMEOUT,
        ..ClientOptions::default()
    };
    Client::new(socket, remote, Touch, options)
}

impl Session for Touch {
    type Error = Error;

    fn name(&self) -> &'static str {
        "touch"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        Ok(())
    }

    fn step(&mut self, _connection: &mut Connection) -> Result<Step, Error> {
        Ok(Step::Done)
    }
}
