//! The program of docs/porting.md: one GET from fixed addresses, without parameters or measurements.
#![no_std]
#![no_main]

use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use smoltcp::iface::{Config, Interface, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Carry, Discard, Error, Slot, turn};

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
    let socket = Socket::new(
        SocketBuffer::new(&mut RECEIVE[..]),
        SocketBuffer::new(&mut SEND[..]),
    );
    board::host::exit(match get(clock, nic, socket) {
        Ok(()) => 0,
        Err(_) => 1,
    })
}

fn get(mut clock: Clock, mut nic: Nic<'_, Ethernet>, socket: Socket<'static>) -> Result<(), Error> {
    let mut config = Config::new(EthernetAddress(MAC).into());
    config.random_seed = SEED;
    let mut interface = Interface::new(config, &mut nic, clock.now().to_smoltcp());
    interface.update_ip_addrs(|addresses| {
        // There is room for two.
        let _ = addresses.push(ADDRESS);
    });
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(socket);

    let Ok(url) = Url::parse("http://192.168.69.1:8080/body") else {
        return Err(Error::Unaddressable);
    };
    let Ok(request) = Request::new(&url, &[]) else {
        return Err(Error::Unaddressable);
    };
    let remote = (SERVER, url.port()).into();
    let mut app = Get::new(
        handle,
        remote,
        request,
        GetOptions::default(),
        &mut [],
        Discard,
    );

    let (mut carry, mut slot) = (Carry::new(SEED), Slot::new());
    loop {
        let next = turn(
            clock.now(),
            &mut interface,
            &mut nic,
            &mut sockets,
            &mut [slot.seat(&mut app)],
            &mut carry,
            &mut (),
        );
        if let Some(outcome) = slot.outcome() {
            return outcome;
        }
        clock.sleep(next, &mut nic);
    }
}
