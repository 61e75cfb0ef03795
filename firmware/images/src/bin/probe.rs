//! Tests of the board itself. `test` names one; it prints what it found, and exit code 1 says that it failed.
//!
//! | `test` | what must hold |
//! |---|---|
//! | `clock` | three sleeps of a second, from tick to tick (the harness holds its own clock against it) |
//! | `wake` | a frame that comes between the last look and WFI ends the sleep; without its interrupt it would not |
//! | `file` | a host file is written, read and measured at random offsets (`file` names it) |
//! | `stack` | the high-water mark tells a deep call |
//! | `panic`, `fault`, `interrupt` | each ends with its own exit code |
//! | `overflow` | a stack that grows without end faults before it reaches a static |
#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::net::Ipv4Addr;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, HostError, HostFile, Line};
use board::{Clock, Controller, Ethernet, FRAME_BYTES_MAX, Wake, stack};
use cortex_m::peripheral::SCB;
use images::exit::{self, Failure};
use images::{Network, address};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr,
};
use tickwire::{Duration, Tick};

/// How long a sleeper would sleep that no frame wakes. Under a period of SysTick, so that one sleep reaches it.
const SLEEP: Duration = Duration::from_millis(500);
/// Looks at the controller until the answer must have come; each is tens of nanoseconds.
const ANSWER_POLLS_MAX: u32 = 50_000_000;

#[cortex_m_rt::entry]
fn main() -> ! {
    exit::finish(run())
}

fn run() -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    match arguments.get("test") {
        Some("clock") => clock(),
        Some("wake") => wake(&arguments),
        Some("file") => {
            let path = arguments
                .get("file")
                .ok_or(Failure::usage("file= is needed"))?;
            file(path).map_err(|_| failed("the host refused"))
        }
        Some("stack") => deep_stack(),
        Some("panic") => panic!("asked for"),
        Some("fault") => cortex_m::asm::udf(),
        Some("overflow") => overflow(),
        Some("interrupt") => {
            SCB::set_pendsv();
            Err(failed("PendSV did not come"))
        }
        _ => Err(Failure::usage("test= names no test")),
    }
}

const fn failed(why: &'static str) -> Failure {
    Failure::new(exit::FAILED, why)
}

/// Nothing but the alarm.
struct Nobody;

impl Wake for Nobody {
    fn arm(&mut self) -> bool {
        false
    }

    fn disarm(&mut self) {}
}

fn clock() -> Result<(), Failure> {
    let (mut clock, _) = board::start([2, 0, 0, 0, 0, 1])?;
    for second in 0..=3 {
        let until = Tick::from_millis(second * 1_000);
        while clock.now() < until {
            clock.sleep(Some(until), &mut Nobody);
        }
        host::print(Line::new().text("second ").number(second));
    }
    // A sleep may end early for a period of SysTick, and no other reason is here: 3 s are at most 9 sleeps.
    match clock.spent().sleeps {
        3..=9 => Ok(()),
        _ => Err(failed("the alarm woke too often or never")),
    }
}

fn wake(arguments: &Arguments<'_>) -> Result<(), Failure> {
    let network = Network::from_arguments(arguments)?;
    let peer = address(arguments, "peer")?.ok_or(Failure::usage("peer=A.B.C.D is needed"))?;
    let (mut clock, mut ethernet) = board::start(network.mac())?;
    let question = arp_question(&network, peer);
    // What the link brought by itself must not answer for the peer.
    drain(&mut ethernet);

    let slept = sleep_over(&mut clock, &mut ethernet, |ethernet| {
        provoke(ethernet, &question);
    })?;
    if slept.as_millis() >= SLEEP.as_millis() / 2 {
        return Err(failed("a frame between the look and WFI did not wake"));
    }
    host::print(Line::new().text("woken by the frame"));

    // The same with the interrupt thrown away shows that the frame alone ends no sleep.
    let slept = sleep_over(&mut clock, &mut ethernet, |ethernet| {
        provoke(ethernet, &question);
        ethernet.disarm();
    })?;
    if slept < SLEEP {
        return Err(failed(
            "woken without an interrupt, so this test shows nothing",
        ));
    }
    host::print(Line::new().text("without its interrupt by the alarm"));

    // A frame that waits when the look comes: no sleep at all.
    provoke(&mut ethernet, &question);
    let sleeps = clock.spent().sleeps;
    let deadline = clock.now() + SLEEP;
    clock.sleep(Some(deadline), &mut ethernet);
    if clock.spent().sleeps != sleeps {
        return Err(failed("slept over a frame that waited"));
    }
    host::print(Line::new().text("not asleep over a frame that waits"));
    Ok(())
}

/// Sleeps for `SLEEP` with `between` at the worst moment; gives the time that it took from there.
fn sleep_over(
    clock: &mut Clock,
    ethernet: &mut Ethernet,
    between: impl FnOnce(&mut Ethernet),
) -> Result<Duration, Failure> {
    let asleep_counts = clock.spent().asleep_counts;
    let deadline = clock.now() + SLEEP;
    clock.sleep_after(Some(deadline), ethernet, between);
    if !ethernet.is_waiting() {
        return Err(failed("the peer did not answer"));
    }
    drain(ethernet);
    let slept = clock.spent().asleep_counts - asleep_counts;
    let millis = slept / u64::from(clock.counts_per_tick());
    Ok(Duration::from_millis(millis))
}

/// Asks the peer, and returns when its answer waits in the controller.
fn provoke(ethernet: &mut Ethernet, question: &[u8]) {
    if ethernet.send(question).is_ok() {
        let _ = (0..ANSWER_POLLS_MAX).any(|_| ethernet.is_waiting());
    }
}

fn drain(ethernet: &mut Ethernet) {
    let mut frame = [0; FRAME_BYTES_MAX];
    while ethernet.is_waiting() {
        let _ = ethernet.receive(&mut frame);
    }
}

fn arp_question(network: &Network, peer: Ipv4Addr) -> [u8; 42] {
    let mac = EthernetAddress(network.mac());
    let mut bytes = [0; 42];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    EthernetRepr {
        src_addr: mac,
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    }
    .emit(&mut frame);
    ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: mac,
        source_protocol_addr: network.address.address(),
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: peer,
    }
    .emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    bytes
}

fn file(path: &str) -> Result<(), HostError> {
    let mut file = HostFile::create(path)?;
    file.write_at(0, &[0xFF; 64])?;
    file.write_at(60, b"tickwire")?;
    file.write_at(3, b"abc")?;
    drop(file);
    let mut file = HostFile::open(path)?;
    let mut bytes = [0; 8];
    file.read_at(60, &mut bytes)?;
    let mut head = [0; 7];
    file.read_at(0, &mut head)?;
    let whole = file.len_bytes()? == 68 && &bytes == b"tickwire" && head == *b"\xFF\xFF\xFFabc\xFF";
    let past_the_end = file.read_at(61, &mut bytes).is_err();
    let missing = HostFile::open("no such file").is_err();
    if whole && past_the_end && missing {
        host::print(Line::new().text("file kept"));
        Ok(())
    } else {
        Err(HostError { code: 0 })
    }
}

fn deep_stack() -> Result<(), Failure> {
    const DEPTH_BYTES: usize = 8_192;

    #[inline(never)]
    fn deep() {
        black_box(&mut [0x55u8; DEPTH_BYTES]);
    }

    let before = stack::usage();
    deep();
    let after = stack::usage();
    if before.used_bytes < DEPTH_BYTES && after.used_bytes >= before.used_bytes.max(DEPTH_BYTES) {
        host::print(Line::new().text("stack told"));
        Ok(())
    } else {
        Err(failed("the high-water mark missed a deep call"))
    }
}

fn overflow() -> Result<(), Failure> {
    // Some frames of this, and none larger than the stack's guard.
    #[inline(never)]
    #[allow(unconditional_recursion)]
    fn deeper(depth: u32) -> u32 {
        black_box(deeper(black_box(depth) + 1)) + 1
    }

    board::start([2, 0, 0, 0, 0, 1])?;
    black_box(deeper(0));
    Err(failed("the stack had no end"))
}
