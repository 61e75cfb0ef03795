//! Why connections ended, told of the right one of several sockets.

use std::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::{IpCidr, Ipv4Address};
use tickwire::{Error, Io, Received, Step, TimeoutKind};
use tickwire_sim::ethernet::{Fate, FrameEvent, FrameObserver};

use crate::common::fixture::{BUFFER, Fixture, endpoint, ms, secs};
use crate::common::mock_app::{MockApp, at};

/// The end of each connection, in the order of the sockets.
type Ends = std::rc::Rc<std::cell::RefCell<Vec<Option<Result<(), Error>>>>>;

fn read(io: &mut Io, socket: SocketHandle) -> Option<Result<(), Error>> {
    match io.read_with(socket, |bytes| (bytes.len(), ())) {
        Ok(Received::Data(()) | Received::Nothing) => None,
        Ok(Received::End) => Some(Ok(())),
        Err(error) => Some(Err(error)),
    }
}

/// Three connections of one app on host 0, to sockets of host 1 that the test plays.
struct Three {
    net: Fixture,
    ours: [SocketHandle; 3],
    theirs: [SocketHandle; 3],
    ends: Ends,
}

impl Three {
    fn new() -> Self {
        let mut net = Fixture::new(1, 2);
        let ours = [(); 3].map(|()| net.add_socket(0, BUFFER));
        let theirs = [80, 81, 82].map(|port| {
            let socket = net.add_socket(1, BUFFER);
            net.socket::<Socket<'_>>(1, socket).listen(port).unwrap();
            socket
        });
        let ends = Ends::default();
        *ends.borrow_mut() = vec![None; 3];
        let notes = ends.clone();
        let mut is_dialled = false;
        net.start(
            0,
            MockApp::new(&ours, move |io, deadline| {
                *deadline = at(3_600_000);
                for (index, socket) in ours.into_iter().enumerate() {
                    if !is_dialled {
                        io.connect(socket, endpoint(1, 80 + index as u16))?;
                    } else if notes.borrow()[index].is_none() {
                        notes.borrow_mut()[index] = read(io, socket);
                    }
                }
                is_dialled = true;
                Ok(Step::Wait)
            }),
        );
        net.run(ms(100));
        for handle in theirs {
            let socket: &mut Socket<'_> = net.socket(1, handle);
            assert_eq!(socket.state(), State::Established);
        }
        Self {
            net,
            ours,
            theirs,
            ends,
        }
    }

    fn ours(&mut self, index: usize) -> &mut Socket<'static> {
        self.net.socket(0, self.ours[index])
    }

    fn theirs(&mut self, index: usize) -> &mut Socket<'static> {
        self.net.socket(1, self.theirs[index])
    }

    fn ends(&self) -> Vec<Option<Result<(), Error>>> {
        self.ends.borrow().clone()
    }
}

#[test]
fn each_of_three_connections_learns_its_own_end() {
    let timeout = Err(Error::TimedOut(TimeoutKind::Peer));
    for silent in 0..3 {
        let mut three = Three::new();
        let [reset, open] = [(silent + 1) % 3, (silent + 2) % 3];
        three
            .ours(silent)
            .set_timeout(Some(smoltcp::time::Duration::from_secs(5)));
        three.theirs(reset).abort();
        three.net.run(secs(1));
        let mut expected = vec![None; 3];
        expected[reset] = Some(Err(Error::Reset));
        assert_eq!(three.ends(), expected);

        three.net.cut(0, 1);
        three.ours(silent).send_slice(b"anybody there?").unwrap();
        three.net.run(secs(10));
        expected[silent] = Some(timeout);
        assert_eq!(three.ends(), expected);

        three.net.mend(0, 1);
        three.theirs(open).close();
        three.net.run(secs(1));
        expected[open] = Some(Ok(()));
        assert_eq!(three.ends(), expected);
    }
}

#[test]
fn only_connections_of_the_address_that_went_are_lost() {
    let mut three = Three::new();
    let other = IpCidr::new(Ipv4Address::new(10, 0, 0, 9).into(), 24);
    let iface = &mut three.net.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| {
        addresses.insert(0, other).unwrap();
    });
    // A fourth connection from the other address, which the test plays itself.
    let kept = three.net.add_socket(0, BUFFER);
    let listening = three.net.add_socket(1, BUFFER);
    three
        .net
        .socket::<Socket<'_>>(1, listening)
        .listen(90)
        .unwrap();
    let stack = &mut three.net.hosts[0].node.stack;
    stack
        .sockets
        .get_mut::<Socket<'_>>(kept)
        .connect(
            stack.iface.context(),
            endpoint(1, 90),
            (other.address(), 5_000),
        )
        .unwrap();
    let end = Ends::default();
    *end.borrow_mut() = vec![None];
    let notes = end.clone();
    three.net.start(
        0,
        MockApp::new(&[kept], move |io, deadline| {
            *deadline = at(3_600_000);
            notes.borrow_mut()[0] = read(io, kept);
            Ok(Step::Wait)
        }),
    );
    three.net.run(secs(1));
    assert_eq!(three.ends(), [None; 3]);

    let iface = &mut three.net.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.retain(|cidr| *cidr == other));
    three.net.run(secs(1));
    assert_eq!(three.ends(), [Some(Err(Error::AddressLost)); 3]);
    assert_eq!(*end.borrow(), [None]);
    let socket: &mut Socket<'_> = three.net.socket(0, kept);
    assert_eq!(socket.state(), State::Established);
}

/// Dials again and again, and notes how each connection ended.
fn redialler(socket: SocketHandle, ends: Ends) -> impl tickwire::App<Error = Error> {
    let mut is_dialled = false;
    MockApp::new(&[socket], move |io, deadline| {
        *deadline = at(3_600_000);
        if is_dialled && let Some(end) = read(io, socket) {
            ends.borrow_mut().push(Some(end));
            io.drop_connection(socket);
            is_dialled = false;
        }
        if !is_dialled && io.is_free(socket) {
            is_dialled = true;
            io.connect(socket, endpoint(1, 80))?;
            let timeout = smoltcp::time::Duration::from_secs(5);
            io.tcp(socket).0.set_timeout(Some(timeout));
        }
        Ok(Step::Wait)
    })
}

#[test]
fn a_loss_is_forgotten_with_the_next_connection_of_its_socket() {
    let mut net = Fixture::new(1, 2);
    let socket = net.add_socket(0, BUFFER);
    net.add_socket(1, BUFFER);
    let ends = Ends::default();
    net.raw(1).listen(80).unwrap();
    net.start(0, redialler(socket, ends.clone()));
    net.run(ms(100));
    assert_eq!(net.raw(1).state(), State::Established);
    net.cut(0, 1);
    net.raw(0).send_slice(b"anybody there?").unwrap();
    net.run(ms(5_500));
    let timeout = Err(Error::TimedOut(TimeoutKind::Peer));
    assert_eq!(*ends.borrow(), [Some(timeout)]);

    net.raw(1).abort();
    net.run(ms(10));
    net.raw(1).listen(80).unwrap();
    net.mend(0, 1);
    net.run(secs(4));
    assert_eq!(net.raw(1).state(), State::Established);
    assert_eq!(*ends.borrow(), [Some(timeout)]);
    net.raw(1).abort();
    net.run(ms(10));
    assert_eq!(ends.borrow()[1], Some(Err(Error::Reset)));
}

#[test]
fn the_losses_of_tasks_that_have_ended_do_not_hide_those_of_others() {
    let mut net = Fixture::new(1, 2);
    // More than the loop can explain at a time.
    for number in 0..12 {
        let socket = net.add_socket(0, BUFFER);
        let mut is_dialled = false;
        let app = MockApp::new(&[socket], move |io, deadline| {
            *deadline = at(3_600_000);
            if !is_dialled {
                is_dialled = true;
                io.connect(socket, endpoint(77, 80))?;
                let timeout = smoltcp::time::Duration::from_secs(5);
                io.tcp(socket).0.set_timeout(Some(timeout));
            }
            io.is_connected(socket).map(|_| Step::Wait)
        });
        let app = net.start(0, app);
        let timeout = Err(Error::TimedOut(TimeoutKind::Peer));
        assert_eq!(net.finish(app, secs(10)), timeout, "number {number}");
    }
}

/// Counts what host 0 sends from its address.
#[derive(Default)]
struct SentByHost0(usize);

impl FrameObserver for SentByHost0 {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        let is_from_it =
            frame.get(12..14) == Some(&[8, 0]) && frame.get(26..30) == Some(&[10, 0, 0, 1]);
        self.0 += usize::from(event.fate == Fate::Sent && event.from == 0 && is_from_it);
    }
}

#[test]
fn nothing_leaves_from_an_address_that_is_gone_not_even_a_fin_of_the_guard() {
    let mut net = Fixture::guarded(1, 2);
    let sent: &RefCell<SentByHost0> = Box::leak(Box::default());
    let (ours, theirs) = (net.add_socket(0, BUFFER), net.add_socket(1, BUFFER));
    net.socket::<Socket<'_>>(1, theirs).listen(80).unwrap();
    let mut is_dialled = false;
    net.start(
        0,
        MockApp::new(&[ours], move |io, deadline| {
            *deadline = at(3_600_000);
            if !is_dialled {
                io.connect(ours, endpoint(1, 80))?;
                is_dialled = true;
            }
            Ok(Step::Wait)
        }),
    );
    net.run(ms(100));
    net.cut(0, 1);
    // The FIN is lost, and the guard would send it again and again.
    net.socket::<Socket<'_>>(0, ours).close();
    net.run(ms(50));
    net.hosts[0].node.stack.iface.update_ip_addrs(|all| {
        all.clear();
        all.push(IpCidr::new(Ipv4Address::new(10, 0, 0, 77).into(), 24))
            .unwrap();
    });
    net.ethernet().observe(Some(sent));
    net.run(secs(120));
    assert_eq!(sent.borrow().0, 0);
}
