//! An echo server at 192.168.69.2, port 7, over a guarded driver.

use core::task::{Context, Poll};

use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use static_cell::ConstStaticCell;
use tickwire::guard::{Guarded, Storage};
use tickwire::{Config, Duration, Echo, Stack, Task};
use tickwire_embassy_driver::{EmbassyDevice, LinkState};

use crate::board::Driver;
use crate::clock::{now, wait_until};

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const ADDRESS: IpCidr = IpCidr::new(IpAddress::v4(192, 168, 69, 2), 24);
/// A product takes it from a source of randomness: ports and sequence numbers depend on it.
const SEED: u64 = 1;

/// How often a loop without room for a frame looks at its deadlines.
const ROOM_WAIT: Duration = Duration::from_millis(100);

/// The stack and its task.
pub struct Server {
    stack: Stack<'static, Guarded<'static, EmbassyDevice<Driver>>>,
    echo: Task<Echo<1>>,
}

impl Server {
    /// The hardware address that the server has.
    pub const MAC: [u8; 6] = MAC;

    /// The server over `driver`. There is memory for one.
    pub fn new(driver: Driver) -> Self {
        static SOCKETS: ConstStaticCell<[SocketStorage<'static>; 1]> =
            ConstStaticCell::new([SocketStorage::EMPTY]);
        static BUFFERS: ConstStaticCell<[[u8; 4_096]; 2]> = ConstStaticCell::new([[0; 4_096]; 2]);
        // Two flows more than there are sockets.
        static GUARD: ConstStaticCell<Storage<3>> = ConstStaticCell::new(Storage::new());

        let config = Config {
            mac: EthernetAddress(MAC),
            addresses: &[ADDRESS],
            gateway: None,
            seed: SEED,
        };
        let device = Guarded::new(EmbassyDevice::new(driver), config.mac, GUARD.take());
        let sockets = SocketSet::new(&mut SOCKETS.take()[..]);
        let mut stack = Stack::new(device, &config, sockets, now()).with_guard();
        let [receive, send] = BUFFERS.take();
        let socket = stack.add_tcp_socket(receive, send);
        let echo = Task::new(Echo::echo([socket], 7, false));
        Self { stack, echo }
    }

    /// A turn of the loop. Whoever `cx` belongs to is woken when the next one is due: by the driver,
    /// or by embassy's timer.
    pub fn poll(&mut self, cx: &mut Context<'_>) {
        let device = self.stack.device.get_mut();
        device.set_waker(cx.waker());
        if device.link_change() == Some(LinkState::Up) {
            // An app that joins the network begins now.
        }
        let now = now();
        let mut next = self.stack.turn(now, &mut [&mut self.echo], &mut ());
        if self.stack.device.get_mut().had_no_room() {
            // The driver wakes us when there is room. Deadlines do not wait for that.
            next = next.map(|next| next.max(now + ROOM_WAIT));
        }
        if let Some(next) = next
            && wait_until(next, cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// The loop as a task of any executor.
    pub async fn run(mut self) -> ! {
        core::future::poll_fn(move |cx| {
            self.poll(cx);
            Poll::Pending
        })
        .await
    }
}
