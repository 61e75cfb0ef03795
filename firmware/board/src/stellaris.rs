//! The LM3S6965's own Ethernet controller, and its system clock.
//!
//! Source: "Stellaris LM3S6965 Microcontroller Data Sheet" (Texas Instruments), chapters "Ethernet Controller"
//! (register descriptions MACRIS to MACTR) and "System Control" (LDOPCTL, RCC, RIS, RCGC2); its errata.
//!
//! The PHY negotiates by itself, and the MAC is set to full duplex: both ends of the link must be able to do that.

use cortex_m::peripheral::NVIC;

use crate::raw::{self, ETHERNET, Interrupt, SYSTEM_CONTROL};
use crate::{Absent, Controller, Counters, Refusal, Wake};

/// The clock of core and SysTick that `start_system_clock` sets.
pub(crate) const SYSTEM_CLOCK_HZ: u32 = 25_000_000;

/// Data sheet, chapter Interrupts: Ethernet Controller.
const INTERRUPT: Interrupt = Interrupt(42);

const MACRIS: usize = 0x00;
const MACIM: usize = 0x04;
const MACRCTL: usize = 0x08;
const MACTCTL: usize = 0x0C;
const MACDATA: usize = 0x10;
const MACIA0: usize = 0x14;
const MACIA1: usize = 0x18;
const MACTHR: usize = 0x1C;
const MACMDV: usize = 0x24;
const MACNP: usize = 0x34;
const MACTR: usize = 0x38;

const LDOPCTL: usize = 0x034;
const RIS: usize = 0x050;
const MISC: usize = 0x058;
const RCC: usize = 0x060;
const RCGC2: usize = 0x108;

/// MACRIS, MACIM: a frame has come.
const RX_INTERRUPT: u32 = 1 << 0;
/// MACRIS: a frame could not be sent.
const TX_ERROR: u32 = 1 << 1;
/// MACRIS: a frame found the receive FIFO full.
const RX_OVERRUN: u32 = 1 << 3;
/// MACRIS: a frame arrived damaged.
const RX_ERROR: u32 = 1 << 4;
/// MACRCTL: empties the receive FIFO.
const RX_RESET: u32 = 1 << 4;
/// MACRCTL: BADCRC (frames with a bad check sequence are rejected), RXEN.
const RX_ON: u32 = 1 << 3 | 1;
/// RIS, MISC: the PLL has locked.
const PLL_LOCKED: u32 = 1 << 6;
const HEADER_BYTES: usize = 14;
/// Twice the receive FIFO, so no frame is as long, nor are QEMU's.
const IMPOSSIBLE_BYTES: usize = 4_096;
/// What the first word of a received frame counts besides the frame: itself, two bytes, and the check sequence, four.
const RX_OVERHEAD_BYTES: usize = 6;
/// Reads of a register that a wait makes at most: about 10 ms, eight times what a frame takes at 10 Mbit/s.
const POLLS_MAX: u32 = 50_000;

/// Runs core and peripherals from the PLL, 200 MHz divided by 8, instead of the imprecise internal oscillator.
///
/// The order is the data sheet's (System Control, Initialization and Configuration).
pub(crate) fn start_system_clock() -> Result<(), Absent> {
    const USESYSDIV: u32 = 1 << 22;
    const PWRDN: u32 = 1 << 13;
    const BYPASS: u32 = 1 << 11;
    const MOSCDIS: u32 = 1 << 0;
    const SYSDIV: u32 = 0xF << 23;
    const XTAL: u32 = 0xF << 6;
    const XTAL_8_MHZ: u32 = 0xE << 6;
    const OSCSRC: u32 = 0x3 << 4;

    // 2.75 V: at the default of 2.5 V the PLL of revision A2 is not reliable (errata).
    SYSTEM_CONTROL.write(LDOPCTL, 0x1B);
    let mut rcc = SYSTEM_CONTROL.read(RCC);
    rcc = (rcc | BYPASS) & !(USESYSDIV | MOSCDIS);
    SYSTEM_CONTROL.write(RCC, rcc);
    SYSTEM_CONTROL.write(MISC, PLL_LOCKED);
    rcc = rcc & !(XTAL | OSCSRC | PWRDN) | XTAL_8_MHZ;
    SYSTEM_CONTROL.write(RCC, rcc);
    rcc = rcc & !SYSDIV | 7 << 23 | USESYSDIV;
    SYSTEM_CONTROL.write(RCC, rcc);
    if !poll(|| SYSTEM_CONTROL.read(RIS) & PLL_LOCKED != 0) {
        return Err(Absent::Pll);
    }
    SYSTEM_CONTROL.write(RCC, rcc & !BYPASS);
    Ok(())
}

/// The controller inside the LM3S6965.
///
/// Its receive FIFO is 2 KiB: of frames that come back to back only the first full one is safe, so a TCP window
/// of two segments already counts on the processor to be quick. (QEMU's holds 31 frames and then presses back.)
pub struct Stellaris(());

impl Stellaris {
    /// Resets the controller and lets it run, with the hardware address `mac`.
    pub(crate) fn new(mac: [u8; 6]) -> Result<Self, Absent> {
        // The MAC (bit 28) and the PHY (bit 30) get their clocks; a read lets the three clocks pass that this takes.
        let clocks = 1 << 28 | 1 << 30;
        SYSTEM_CONTROL.write(RCGC2, SYSTEM_CONTROL.read(RCGC2) | clocks);
        if SYSTEM_CONTROL.read(RCGC2) & clocks != clocks {
            return Err(Absent::Ethernet);
        }
        ETHERNET.write(MACIM, 0);
        reset_receiver();
        ETHERNET.write(MACRIS, 0x7F);
        // The management clock: 25 MHz / (2 x (4 + 1)) = 2.5 MHz, the most that the PHY takes.
        ETHERNET.write(MACMDV, 4);
        let [a, b, c, d, e, f] = mac;
        ETHERNET.write(MACIA0, u32::from_le_bytes([a, b, c, d]));
        ETHERNET.write(MACIA1, u32::from_le_bytes([e, f, 0, 0]));
        // No early transmission: a frame goes out when MACTR says so, whole.
        ETHERNET.write(MACTHR, 0x3F);
        // DUPLEX, CRC, PADEN, TXEN.
        ETHERNET.write(MACTCTL, 1 << 4 | 1 << 2 | 1 << 1 | 1);
        ETHERNET.write(MACRCTL, RX_ON);
        Ok(Self(()))
    }
}

impl Wake for Stellaris {
    fn arm(&mut self) -> bool {
        raw::unmask(INTERRUPT);
        // The status bit latches; it is cleared first, so that it can only speak of frames from now on.
        ETHERNET.write(MACRIS, RX_INTERRUPT);
        ETHERNET.write(MACIM, RX_INTERRUPT);
        self.is_waiting()
    }

    fn disarm(&mut self) {
        ETHERNET.write(MACIM, 0);
        // Not unpended: the line needs time to fall, and its level would pend again.
        NVIC::mask(INTERRUPT);
    }
}

impl Controller for Stellaris {
    const BURST_FRAMES_MAX: Option<usize> = None;

    fn is_waiting(&mut self) -> bool {
        ETHERNET.read(MACNP) & 0x3F != 0
    }

    fn receive(&mut self, frame: &mut [u8]) -> Result<usize, Refusal> {
        // The FIFO's first word: the length of all that follows and itself, then the frame's first two bytes.
        let [len_low, len_high, first, second] = ETHERNET.read(MACDATA).to_le_bytes();
        let fifo_bytes = usize::from(u16::from_le_bytes([len_low, len_high]));
        if fifo_bytes >= IMPOSSIBLE_BYTES {
            // No length: the place in the FIFO is lost, so begin anew.
            reset_receiver();
            ETHERNET.write(MACRCTL, RX_ON);
            return Err(Refusal::Damaged);
        }
        let words = fifo_bytes.div_ceil(4).saturating_sub(1);
        let len = fifo_bytes.saturating_sub(RX_OVERHEAD_BYTES);
        let Some(([to_first, to_second], body)) = frame
            .get_mut(..len)
            .and_then(<[u8]>::split_first_chunk_mut::<2>)
        else {
            discard(words);
            return Err(if len < 2 {
                Refusal::Damaged
            } else {
                Refusal::TooLong
            });
        };
        (*to_first, *to_second) = (first, second);
        let (whole, rest) = body.as_chunks_mut::<4>();
        let left = words - whole.len();
        ETHERNET.read_into(MACDATA, whole);
        if rest.is_empty() {
            discard(left);
        } else {
            let word = ETHERNET.read(MACDATA).to_le_bytes();
            rest.iter_mut().zip(word).for_each(|(to, from)| *to = from);
            discard(left - 1);
        }
        Ok(len)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Refusal> {
        // The FIFO takes one frame; NEWTX falls when that one is out.
        if !poll(|| ETHERNET.read(MACTR) & 1 == 0) {
            return Err(Refusal::Full);
        }
        let Some(([first, second], body)) = frame.split_first_chunk::<2>() else {
            return Err(Refusal::Damaged);
        };
        // The length counts what follows the header, and fits 11 bits.
        let [len_low, len_high, ..] = frame.len().saturating_sub(HEADER_BYTES).to_le_bytes();
        let word = u32::from_le_bytes([len_low, len_high, *first, *second]);
        ETHERNET.write(MACDATA, word);
        let (whole, rest) = body.as_chunks::<4>();
        ETHERNET.write_from(MACDATA, whole);
        if !rest.is_empty() {
            let mut word = [0; 4];
            word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            ETHERNET.write(MACDATA, u32::from_le_bytes(word));
        }
        // Once: on an empty FIFO it would send the last frame again.
        ETHERNET.write(MACTR, 1);
        Ok(())
    }

    /// The controller has a bit for each kind, so several of a kind since the last call count as one.
    fn count(&mut self, counters: &mut Counters) {
        let status = ETHERNET.read(MACRIS);
        ETHERNET.write(MACRIS, status & (TX_ERROR | RX_OVERRUN | RX_ERROR));
        for (bit, counter) in [
            (TX_ERROR, &mut counters.failed),
            (RX_OVERRUN, &mut counters.overrun),
            (RX_ERROR, &mut counters.damaged),
        ] {
            *counter = counter.wrapping_add(u32::from(status & bit != 0));
        }
    }
}

/// Stops the receiver, and empties its FIFO. The data sheet asks for this order (MACRCTL).
///
/// QEMU's model never receives again when this comes while it presses back.
fn reset_receiver() {
    ETHERNET.write(MACRCTL, 0);
    ETHERNET.write(MACRCTL, RX_RESET);
    ETHERNET.write(MACRCTL, 0);
}

fn discard(words: usize) {
    for _ in 0..words {
        let _ = ETHERNET.read(MACDATA);
    }
}

fn poll(mut condition: impl FnMut() -> bool) -> bool {
    (0..POLLS_MAX).any(|_| condition())
}
