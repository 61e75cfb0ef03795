//! The devices alone: frames in and out, without a stack.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use smoltcp::phy::{Device, RxToken, TxToken};

use crate::link::Link;

/// Frames of one round.
pub const FRAMES: u64 = 20_000;
/// Frames that wait in the kernel's queue (it holds 1,000 by default) before they are read.
const BATCH: u64 = 400;
/// UDP payload that makes a frame of 1,514 bytes.
const PAYLOAD: usize = 1_472;
const FRAME_BYTES: usize = 1_514;

/// What this thread has used of a processor, so that whatever else runs on the machine does not count.
fn processor_time() -> Duration {
    processor_time_of(ClockId::ThreadCPUTime)
}

/// What a run uses of all processors, by the kernel's end of the connection too. The kernel does its sending now in one thread, now
/// in another, so that neither thread's time alone says what a run costs.
pub fn whole_processor_time(run: impl FnOnce() -> Duration) -> Duration {
    let started = processor_time_of(ClockId::ProcessCPUTime);
    run();
    processor_time_of(ClockId::ProcessCPUTime) - started
}

fn processor_time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Reads frames that are already there, so that only the device's own work counts.
pub fn receive(link: &mut impl Link) -> Duration {
    let [a, b, c, _] = link.net();
    let sender = UdpSocket::bind((link.kernel(), 0)).expect("the kernel's address is there");
    sender
        .connect((Ipv4Addr::new(a, b, c, 1), 9))
        .expect("a route is there");
    let mut elapsed = Duration::ZERO;
    for _ in 0..FRAMES / BATCH {
        for _ in 0..BATCH {
            sender.send(&[0x5a; PAYLOAD]).expect("the queue has room");
        }
        let started = processor_time();
        let mut frames = 0;
        while frames < BATCH {
            let (frame, _) = link
                .device()
                .receive(smoltcp::time::Instant::ZERO)
                .expect("the frames were sent");
            // The kernel's own frames are shorter.
            frames += u64::from(frame.consume(<[u8]>::len) == FRAME_BYTES);
        }
        elapsed += processor_time() - started;
    }
    elapsed
}

/// Writes frames that the kernel throws away, filled as a stack would fill them.
pub fn transmit(link: &mut impl Link) -> Duration {
    let mut template = [0x5a; FRAME_BYTES];
    // To nobody, and of a type for local experiments (IEEE 802, 9.2.3).
    template[..14].copy_from_slice(&[2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    let started = processor_time();
    for _ in 0..FRAMES {
        let token = link
            .device()
            .transmit(smoltcp::time::Instant::ZERO)
            .expect("neither device refuses");
        token.consume(FRAME_BYTES, |frame| frame.copy_from_slice(&template));
    }
    processor_time() - started
}
