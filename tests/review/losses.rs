//! Why a connection ended.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::{
    Client, ClientOptions, Connection, Deadline, Error, Received, Session, Step, TimeoutKind,
};

use crate::common::fixture::{BUFFER, Fixture, endpoint, ms, secs};
use crate::common::mock_app::{MockApp, at};

#[test]
fn an_address_that_an_app_takes_away_is_why_its_connections_end() {
    let mut net = Fixture::new(1, 2);
    let ours = net.add_socket(0, BUFFER);
    let theirs: SocketHandle = net.add_socket(1, BUFFER);
    net.socket::<Socket<'_>>(1, theirs).listen(80).unwrap();
    let mut is_dialled = false;
    let connection = net.start(
        0,
        MockApp::new(&[ours], move |io, deadline| {
            *deadline = at(3_600_000);
            if !is_dialled {
                is_dialled = true;
                io.connect(ours, endpoint(1, 80))?;
            }
            match io.read_with(ours, |bytes| (bytes.len(), ()))? {
                Received::End => Ok(Step::Done),
                Received::Data(()) | Received::Nothing => Ok(Step::Wait),
            }
        }),
    );
    net.run(ms(100));
    assert_eq!(net.raw(0).state(), State::Established);
    net.start(
        0,
        MockApp::new(&[], |io, _| {
            io.interface()
                .update_ip_addrs(|addresses| addresses.clear());
            Ok(Step::Done)
        }),
    );
    net.run(ms(100));
    assert_eq!(net.outcome(connection), Some(Err(Error::AddressLost)));
}

/// The local port of a SYN from host 0, beside a socket that listens on `taken`.
fn local_port(taken: Option<u16>) -> u16 {
    let mut net = Fixture::new(1, 2);
    net.cut(0, 1);
    // Before the socket that dials: the order that `Stack::sockets` advises against.
    let listening = net.add_socket(0, BUFFER);
    let ours = net.add_socket(0, BUFFER);
    if let Some(port) = taken {
        let listening: &mut Socket<'_> = net.socket(0, listening);
        listening.listen(port).unwrap();
    }
    net.start(
        0,
        MockApp::new(&[ours], move |io, deadline| {
            if deadline.is_none() {
                io.connect(ours, endpoint(1, 80))?;
            }
            *deadline = at(3_600_000);
            Ok(Step::Wait)
        }),
    );
    net.run(ms(1));
    let ours: &mut Socket<'_> = net.socket(0, ours);
    ours.local_endpoint().unwrap().port
}

#[test]
fn a_local_port_is_not_one_that_a_socket_listens_on() {
    // The same seed draws the same ports.
    let port = local_port(None);
    assert_eq!(port, local_port(None));
    assert_ne!(port, local_port(Some(port)));
}

/// Says something, and is done a second later whatever has become of it.
struct Later(Option<Deadline>);

impl Session for Later {
    type Error = Error;

    fn name(&self) -> &'static str {
        "later"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let at = connection.now() + secs(1);
        self.0 = Some(Deadline::new(at, TimeoutKind::Total));
        connection.write_all(b"hello").map(|_| ())
    }

    fn step(&mut self, _: &mut Connection) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.0
    }

    fn expired(&mut self, _: &mut Connection, _: Deadline) -> Result<Step, Error> {
        Ok(Step::Done)
    }
}

#[test]
fn what_was_said_before_the_address_went_is_not_taken_for_acknowledged() {
    let mut net = Fixture::new(1, 2);
    let ours = net.add_socket(0, BUFFER);
    net.add_socket(1, BUFFER);
    net.raw(1).listen(80).unwrap();
    let options = ClientOptions::default();
    let client = Client::new(ours, endpoint(1, 80), Later(None), options);
    let client = net.start(0, client);
    net.run_until(ms(100), |net| net.raw(0).send_queue() > 0);
    net.cut(0, 1);
    net.run(ms(100));
    let iface = &mut net.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.clear());
    assert_eq!(net.finish(client, secs(5)), Err(Error::AddressLost));
}
