//! The kernel's end of each transfer: a thread with an ordinary socket.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Size of a transfer.
pub const MIB: u64 = 256;
/// Bytes of a transfer.
pub const BYTES: u64 = MIB << 20;

/// Serves one caller an HTTP response of [`BYTES`].
pub fn serve(address: Ipv4Addr) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((address, 0)).expect("the kernel's address is there");
    let local = listener.local_addr().expect("it is bound");
    let thread = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().expect("one calls");
        let mut request = [0; 1_024];
        let mut read = 0;
        while !request[..read].ends_with(b"\r\n\r\n") {
            read += caller.read(&mut request[read..]).expect("a request comes");
        }
        write!(caller, "HTTP/1.0 200 OK\r\nContent-Length: {BYTES}\r\n\r\n").expect("it is taken");
        let block = vec![0x5a; 256 << 10];
        for _ in 0..BYTES / block.len() as u64 {
            caller.write_all(&block).expect("it is taken");
        }
        caller.shutdown(Shutdown::Write).expect("it is connected");
        let _ = caller.read(&mut request);
    });
    (local, thread)
}

/// Sends [`BYTES`] to a receiver in the plain form of the file transfer.
pub fn upload(receiver: SocketAddr) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut receiver = TcpStream::connect(receiver).expect("the receiver listens");
        let length = u32::try_from(BYTES).expect("the plain form has 31 bits");
        receiver
            .write_all(&length.to_le_bytes())
            .expect("it is taken");
        let block = vec![0x5a; 256 << 10];
        for _ in 0..BYTES / block.len() as u64 {
            receiver.write_all(&block).expect("it is taken");
        }
        let end = receiver
            .read(&mut [0; 1])
            .expect("the receiver closes in order");
        assert_eq!(end, 0);
    })
}

/// Takes what one caller sends, to the end.
pub fn swallow(address: Ipv4Addr) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((address, 0)).expect("the kernel's address is there");
    let local = listener.local_addr().expect("it is bound");
    let thread = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().expect("one calls");
        let mut block = vec![0; 256 << 10];
        let mut total = 0;
        loop {
            match caller.read(&mut block) {
                Ok(0) => break,
                Ok(count) => total += count as u64,
                // The bare socket goes without a farewell.
                Err(_) if total >= BYTES => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(total >= BYTES);
    });
    (local, thread)
}

/// Fetches an asset of [`BYTES`], and says how long that took.
pub fn download(server: SocketAddr) -> JoinHandle<Duration> {
    std::thread::spawn(move || {
        let started = Instant::now();
        let mut server = TcpStream::connect(server).expect("the server listens");
        let request = b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
        server.write_all(request).expect("it is taken");
        let mut block = vec![0; 256 << 10];
        let mut total = 0;
        loop {
            match server.read(&mut block).expect("it closes in order") {
                0 => break,
                count => total += count as u64,
            }
        }
        assert!(total >= BYTES);
        started.elapsed()
    })
}
