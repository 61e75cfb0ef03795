//! A host: embassy-net's stack, an application, and the only executor that a test needs.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, ConfigV4, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use embassy_net_driver::Driver;
use embassy_time::{Duration, Timer};

const PORT: u16 = 7;

/// Whether a task was woken since it was polled last.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A task that runs only when somebody has woken it.
pub(crate) struct Task<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    flag: Arc<Flag>,
    waker: Waker,
    pub(crate) output: Option<T>,
}

impl<'a, T> Task<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        Self {
            future: Box::pin(future),
            waker: Waker::from(Arc::clone(&flag)),
            flag,
            output: None,
        }
    }

    /// Polls the task if it was woken. Returns whether it was.
    pub(crate) fn run(&mut self) -> bool {
        if self.output.is_some() || !self.flag.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        if let Poll::Ready(output) = self
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&self.waker))
        {
            self.output = Some(output);
        }
        true
    }
}

pub(crate) fn address(side: usize) -> Ipv4Address {
    Ipv4Address::new(10, 0, 0, 1 + side as u8)
}

/// The stack of a host over `driver`, and the future that runs it.
pub(crate) fn stack<'a, D: Driver + 'a>(
    side: usize,
    driver: D,
    resources: &'a mut StackResources<2>,
    seed: u64,
) -> (Stack<'a>, impl Future<Output = ()> + 'a) {
    let config = Config::ipv4_static(StaticConfigV4 {
        address: Ipv4Cidr::new(address(side), 24),
        gateway: None,
        dns_servers: Default::default(),
    });
    let (stack, mut runner) = embassy_net::new(driver, config, resources, seed);
    (stack, async move {
        runner.run().await;
    })
}

/// Sends `len` bytes to the other host, and closes. Returns when all are acknowledged.
pub(crate) async fn send(stack: Stack<'_>, buffer_len: usize, len: usize) {
    let (mut receive, mut buffer) = (vec![0; 64], vec![0; buffer_len]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut buffer);
    socket
        .connect((address(1), PORT))
        .await
        .expect("the other host listens");
    let mut sent = 0;
    while sent < len {
        let chunk: Vec<u8> = (sent..len.min(sent + 1000)).map(byte).collect();
        sent += socket.write(&chunk).await.expect("the other host reads");
    }
    socket.close();
    socket.flush().await.expect("the other host reads on");
}

/// Sends a little to the other host, and closes `pause` after that was acknowledged. Never returns.
pub(crate) async fn send_and_close(stack: Stack<'_>, pause: Duration) {
    let (mut receive, mut buffer) = (vec![0; 64], vec![0; 64]);
    let mut socket = TcpSocket::new(stack, &mut receive, &mut buffer);
    let connected = socket.connect((address(1), PORT)).await;
    connected.expect("the other host listens");
    let sent = socket.write(&[0, byte(1)]).await;
    assert_eq!(sent, Ok(2));
    socket.flush().await.expect("the other host reads");
    Timer::after(pause).await;
    socket.close();
    std::future::pending::<()>().await;
}

/// Another address, in place of the host's own.
pub(crate) fn change_address(stack: Stack<'_>) {
    stack.set_config_v4(ConfigV4::Static(StaticConfigV4 {
        address: Ipv4Cidr::new(address(8), 24),
        gateway: None,
        dns_servers: Default::default(),
    }));
}

/// Takes one connection, and returns the number of bytes when the peer has closed.
pub(crate) async fn receive(stack: Stack<'_>, buffer_len: usize) -> usize {
    let (mut buffer, mut transmit) = (vec![0; buffer_len], vec![0; 64]);
    let mut socket = TcpSocket::new(stack, &mut buffer, &mut transmit);
    socket.accept(PORT).await.expect("the port is free");
    let mut received = 0;
    loop {
        let mut chunk = [0; 1000];
        let len = socket
            .read(&mut chunk)
            .await
            .expect("the peer closes and resets nothing");
        if len == 0 {
            socket.close();
            let _ = socket.flush().await;
            return received;
        }
        for read in &chunk[..len] {
            assert_eq!(*read, byte(received), "byte {received}");
            received += 1;
        }
    }
}

const fn byte(index: usize) -> u8 {
    (index * 31 + index / 256) as u8
}
