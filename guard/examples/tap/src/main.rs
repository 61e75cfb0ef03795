//! smoltcp's own loop over a TAP interface, with and without the guard, side by side: both upload
//! to this machine's kernel, over links that lose the same share of their frames.

mod clock;
mod lossy;

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, Medium, TunTapInterface, wait};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpCidr};
use smoltcp_guard::{Counters, Guarded, Storage};

use crate::lossy::Lossy;

const MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 2]);
const PORT: u16 = 7;
const LEN: usize = 1 << 20;
const LOSS_PERCENT: u64 = 5;
/// smoltcp alone may be stuck by then.
const BARE_PATIENCE: Duration = Duration::from_secs(60);
/// With the guard it is done after some seconds. A busy machine may need more.
const GUARDED_PATIENCE: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\nREADME.md says how the interfaces are made.");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    println!("{LEN} bytes to the kernel, {LOSS_PERCENT} % of the frames lost in each direction");
    let servers = [serve(0)?, serve(1)?];
    let bare = thread::spawn(|| {
        let mut device = open(0)?;
        let fd = device.tap.as_raw_fd();
        upload(&mut device, fd, 0, BARE_PATIENCE, |_| None)
    });
    let guarded = thread::spawn(|| {
        let device = open(1)?;
        let fd = device.tap.as_raw_fd();
        let mut storage: Storage<3> = Storage::new(); // for one TCP socket
        let mut device = Guarded::new(device, MAC, &mut storage);
        let ended = upload(&mut device, fd, 1, GUARDED_PATIENCE, |device| {
            device.poll_at()
        })?;
        Ok::<_, io::Error>((ended, device.counters()))
    });
    let (guarded, counters) = join(guarded)??;
    tell("guarded", &guarded);
    tell_counters(&counters);
    tell("bare", &join(bare)??);
    let [_, server] = servers;
    let received = join(server)??;
    if received != LEN {
        return Err(io::Error::other(format!(
            "{received} of {LEN} bytes arrived"
        )));
    }
    Ok(())
}

/// How an upload ended: after this time, with this number of bytes acknowledged. The time begins
/// with the connection: a lost SYN or a lost question for the kernel's hardware address costs either
/// upload a second or more.
struct Ended(Duration, usize);

fn tell(name: &str, Ended(time, acknowledged): &Ended) {
    let verb = if *acknowledged == LEN {
        "done"
    } else {
        "given up"
    };
    println!("{name}: {verb} after {time}, {acknowledged} bytes acknowledged");
}

/// Prints what the guard did, without the counters that are 0.
fn tell_counters(counters: &Counters) {
    let text = format!("{counters:#?}");
    let applied = text
        .lines()
        .filter(|line| line.ends_with(',') && !line.ends_with(" 0,"));
    applied.for_each(|line| println!("{}", line.trim_end_matches(',')));
}

fn join<T>(thread: JoinHandle<T>) -> io::Result<T> {
    thread
        .join()
        .map_err(|_| io::Error::other("a thread panicked"))
}

/// The kernel's end: takes one connection, and returns the number of bytes that came.
fn serve(link: u8) -> io::Result<JoinHandle<io::Result<usize>>> {
    let listener = TcpListener::bind((Ipv4Addr::new(10, 0, link, 1), PORT))?;
    Ok(thread::spawn(move || {
        let (mut connection, _) = listener.accept()?;
        let mut body = Vec::new();
        connection.read_to_end(&mut body)
    }))
}

fn open(link: u8) -> io::Result<Lossy> {
    let tap = TunTapInterface::new(&format!("tap{link}"), Medium::Ethernet)?;
    Ok(Lossy::new(tap, LOSS_PERCENT))
}

/// smoltcp's own loop. The guard adds `poll_at` to it.
fn upload<D: Device>(
    device: &mut D,
    fd: i32,
    link: u8,
    patience: Duration,
    poll_at: impl Fn(&D) -> Option<Instant>,
) -> io::Result<Ended> {
    let begin = clock::now();
    let mut iface = Interface::new(Config::new(MAC.into()), device, begin);
    iface.update_ip_addrs(|addresses| {
        let address = IpCidr::new(Ipv4Addr::new(10, 0, link, 2).into(), 24);
        addresses.push(address).expect("one address fits");
    });
    let buffer = || tcp::SocketBuffer::new(vec![0; 65_535]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    let kernel = (Ipv4Addr::new(10, 0, link, 1), PORT);
    socket
        .connect(iface.context(), kernel, 49_152)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut sockets = SocketSet::new(vec![]);
    let handle = sockets.add(socket);
    let (mut written, mut opened) = (0, None);
    loop {
        let now = clock::now();
        iface.poll(now, device, &mut sockets);
        let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
        if socket.may_send() && opened.is_none() {
            opened = Some(now);
        }
        while socket.can_send() && written < LEN {
            let rest = vec![0x5a; LEN - written];
            written += socket.send_slice(&rest).expect("it can send");
        }
        let acknowledged = written - socket.send_queue();
        if written == LEN {
            socket.close();
        }
        let is_closed = matches!(socket.state(), tcp::State::TimeWait | tcp::State::Closed);
        if (written == LEN && is_closed) || now - begin > patience {
            return Ok(Ended(now - opened.unwrap_or(begin), acknowledged));
        }
        let wake = [iface.poll_at(now, &sockets), poll_at(device)]
            .into_iter()
            .flatten()
            .min();
        let pause = wake.map_or(patience, |wake| {
            if wake > now {
                wake - now
            } else {
                Duration::ZERO
            }
        });
        wait(fd, Some(pause.min(Duration::from_secs(1))))?;
    }
}
