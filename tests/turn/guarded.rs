//! What the loop takes from the guard under it.

use smoltcp::iface::SocketSet;
use smoltcp::wire::{ArpOperation, EthernetAddress, IpAddress, IpCidr, Ipv4Address};
use tickwire::guard::{Guarded, Storage};
use tickwire::{Config, Event, Stack, Tick};

use crate::cable::Cable;
use crate::frames::{self, Family, HOST_MAC};

const RIVAL_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 3]);

#[test]
fn another_host_with_our_address_is_an_event_of_a_stack_with_a_guard() {
    let address = Ipv4Address::new(10, 0, 0, 1);
    let config = Config {
        mac: HOST_MAC,
        addresses: &[IpCidr::new(address.into(), 24)],
        gateway: None,
        seed: 7,
    };
    let (cable, mut storage) = (Cable::default(), Storage::<3>::new());
    let device = Guarded::new(cable.clone(), HOST_MAC, &mut storage);
    let sockets = SocketSet::new(&mut [][..]);
    let mut stack = Stack::new(device, &config, sockets, Tick::ZERO).with_guard();
    let ends = ((RIVAL_MAC, address), (EthernetAddress([0; 6]), address));
    let rival = frames::arp_frame(
        ArpOperation::Request,
        ends.0,
        ends.1,
        EthernetAddress::BROADCAST,
    );
    for frame in [frames::introduction(Family::V4), rival] {
        cable.0.borrow_mut().to_host.push_back(frame);
    }
    let mut conflicts = Vec::new();
    let wake = stack.turn(Tick::ZERO, &mut [], &mut |_, task, event: &Event| {
        if let Event::AddressConflict { address, mac } = *event {
            conflicts.push((task, address, mac));
        }
    });
    assert_eq!(conflicts, [("", IpAddress::from(address), RIVAL_MAC)]);
    assert_eq!(wake, None);
}

#[test]
fn a_stack_over_a_guarded_device_may_go_to_another_thread() {
    const fn may_go<T: Send>() {}
    // It is the compiler that says no.
    may_go::<Stack<'static, Guarded<'static, ()>>>();
}
