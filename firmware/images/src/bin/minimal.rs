//! The program of docs/porting.md: one GET from fixed addresses, without parameters or measurements.
#![no_std]
#![no_main]

use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{Config, Discard, Error, Stack, Task};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const ADDRESS: IpCidr = IpCidr::new(IpAddress::v4(192, 168, 69, 2), 24);
const SERVER: IpAddress = IpAddress::v4(192, 168, 69, 1);
/// From a source of randomness, where the board has one: ports and sequence numbers depend on it.
const SEED: u64 = 1;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut FRAMES: [[u8; FRAME_BYTES_MAX]; 2] = [[0; FRAME_BYTES_MAX]; 2];
    static mut RECEIVE: [u8; 2_920] = [0; 2_920];
    static mut SEND: [u8; 512] = [0; 512];
    let Ok((clock, ethernet)) = board::start(MAC) else {
        board::host::exit(45);
    };
    let [received, sent] = FRAMES;
    let nic = Nic::new(ethernet, received, sent);
    board::host::exit(match get(clock, nic, RECEIVE, SEND) {
        Ok(()) => 0,
        Err(_) => 1,
    })
}

fn get(
    mut clock: Clock,
    nic: Nic<'_, Ethernet>,
    receive: &mut [u8],
    send: &mut [u8],
) -> Result<(), GetError> {
    let mut storage = [SocketStorage::EMPTY];
    let config = Config {
        mac: EthernetAddress(MAC),
        addresses: &[ADDRESS],
        gateway: None,
        seed: SEED,
    };
    let sockets = SocketSet::new(&mut storage[..]);
    let mut stack = Stack::new(nic, &config, sockets, clock.now());
    let socket = stack.add_tcp_socket(receive, send);

    let Ok(url) = Url::parse("http://192.168.69.1:8080/body") else {
        return Err(Error::Unaddressable.into());
    };
    let Ok(request) = Request::new(&url, &[]) else {
        return Err(Error::Unaddressable.into());
    };
    let remote = IpEndpoint::new(SERVER, url.port());
    let options = GetOptions::default();
    let mut get = Task::new(Get::new(socket, remote, request, options, &mut [], Discard));
    loop {
        let next = stack.turn(clock.now(), &mut [&mut get], &mut ());
        if let Some(outcome) = get.outcome() {
            return *outcome;
        }
        clock.sleep(next, &mut stack.device);
    }
}
