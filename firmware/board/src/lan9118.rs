//! The LAN9118 Ethernet controller, by programmed input and output.
//!
//! Sources: "LAN9118 data sheet" (SMSC, now Microchip), sections 3.12 "TX Data Path Operation", 3.13 "RX Data Path
//! Operation", 5.3 "System Control and Status Registers", 5.4 "MAC Control and Status Registers" and 5.5 "PHY
//! Registers"; "LAN9118 Family Programmer Reference Guide" (SMSC AN 12.12); "LAN9220 data sheet" (SMSC) for what
//! differs on the real MPS2 board.
//!
//! Both ends of the link must be able to do full duplex: no hub. Multicast is not let in, so IPv6 would need MAC_CR's
//! MCPAS besides.

use cortex_m::peripheral::NVIC;

use crate::raw::{self, Interrupt, LAN9118};
use crate::{Absent, Controller, Counters, FRAME_BYTES_MAX, Refusal, Wake};

/// AN385, interrupt assignments: Ethernet.
const INTERRUPT: Interrupt = Interrupt(13);

// Direct registers (data sheet, 5.3).
const RX_DATA_FIFO: usize = 0x00;
const TX_DATA_FIFO: usize = 0x20;
const RX_STATUS_FIFO: usize = 0x40;
const TX_STATUS_FIFO: usize = 0x48;
const ID_REV: usize = 0x50;
const IRQ_CFG: usize = 0x54;
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5C;
const BYTE_TEST: usize = 0x64;
const FIFO_INT: usize = 0x68;
const RX_CFG: usize = 0x6C;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_FIFO_INF: usize = 0x7C;
const TX_FIFO_INF: usize = 0x80;
const PMT_CTRL: usize = 0x84;
const RX_DROP: usize = 0xA0;
const MAC_CSR_CMD: usize = 0xA4;
const MAC_CSR_DATA: usize = 0xA8;
const AFC_CFG: usize = 0xAC;
const E2P_CMD: usize = 0xB0;

// Registers behind MAC_CSR_CMD (5.4).
const MAC_CR: u32 = 1;
const MAC_ADDRH: u32 = 2;
const MAC_ADDRL: u32 = 3;
const MAC_MII_ACC: u32 = 6;
const MAC_MII_DATA: u32 = 7;

// Registers behind MAC_MII_ACC (5.5).
const PHY_BASIC_CONTROL: u32 = 0;
const PHY_BASIC_STATUS: u32 = 1;
const PHY_ADVERTISEMENT: u32 = 4;

const BUSY: u32 = 1 << 31;
/// INT_STS and INT_EN: the RX status FIFO holds more frames than FIFO_INT says, which is none.
const RX_STATUS_LEVEL: u32 = 1 << 3;
/// Reads of a register that a wait makes at most: about 10 ms, ten times what a frame takes at 10 Mbit/s.
const POLLS_MAX: u32 = 50_000;
/// The same for the link, which takes the PHY up to 3 s; each poll is a transfer of 26 us on the MII's wire.
const LINK_POLLS_MAX: u32 = 100_000;
/// RX status and TX status: the frame is damaged, or was not sent.
const FRAME_ERROR: u32 = 1 << 15;
/// Commands A and B before a frame, and the slack that 3.12 asks for.
const TX_OVERHEAD_BYTES: usize = 16;

/// The controller of the MPS2 board.
pub struct Lan9118 {
    /// Frames that it could not send, since they were last asked for.
    failed: u32,
}

impl Lan9118 {
    /// Resets the controller and lets it run, with the hardware address `mac`.
    ///
    /// Returns without a link when none comes up in a few seconds: frames are then lost, as on any wire.
    pub(crate) fn new(mac: [u8; 6]) -> Result<Self, Absent> {
        reset()?;
        set_address(mac)?;
        start_phy()?;
        // Pointers of both FIFOs back to their start (TXS_DUMP, TXD_DUMP, RX_DUMP), then the transmitter on.
        LAN9118.write(TX_CFG, 0xC000);
        LAN9118.write(TX_CFG, 1 << 1);
        LAN9118.write(RX_CFG, 1 << 15);
        LAN9118.write(RX_CFG, 0);
        // Full duplex, transmitter and receiver of the MAC on; it drops frames that are not for us (5.4.1).
        write_mac(MAC_CR, 1 << 20 | 1 << 3 | 1 << 2)?;
        Ok(Self { failed: 0 })
    }

    /// Takes out the status of the frames that were sent, or its FIFO fills and stops the transmitter.
    fn take_statuses(&mut self) {
        for _ in 0..LAN9118.read(TX_FIFO_INF) >> 16 & 0xFF {
            if LAN9118.read(TX_STATUS_FIFO) & FRAME_ERROR != 0 {
                self.failed = self.failed.wrapping_add(1);
            }
        }
    }
}

impl Wake for Lan9118 {
    fn arm(&mut self) -> bool {
        raw::unmask(INTERRUPT);
        // The status bit latches; it is cleared first, so that it can only speak of frames from now on.
        LAN9118.write(INT_STS, RX_STATUS_LEVEL);
        LAN9118.write(INT_EN, RX_STATUS_LEVEL);
        self.is_waiting()
    }

    fn disarm(&mut self) {
        LAN9118.write(INT_EN, 0);
        // Not unpended: the line needs time to fall, and its level would pend again.
        NVIC::mask(INTERRUPT);
    }
}

impl Controller for Lan9118 {
    /// The receive FIFO holds six full frames with their check sequences; QEMU drops the seventh in silence.
    const BURST_FRAMES_MAX: Option<usize> = Some(6);

    fn is_waiting(&mut self) -> bool {
        LAN9118.read(RX_FIFO_INF) >> 16 & 0xFF != 0
    }

    fn receive(&mut self, frame: &mut [u8]) -> Result<usize, Refusal> {
        // RX status (3.13.3): length with the check sequence, and the error bit.
        let status = LAN9118.read(RX_STATUS_FIFO);
        let fifo_bytes = (status >> 16 & 0x3FFF) as usize;
        let len = fifo_bytes.saturating_sub(4);
        let words = fifo_bytes.div_ceil(4);
        let damaged = status & FRAME_ERROR != 0;
        let Some(frame) = frame.get_mut(..len).filter(|_| !damaged) else {
            // Read out rather than skipped by RX_DP_CTRL, which QEMU does not account for.
            discard(words);
            // RX_FIFO_INF follows its FIFO after 135 ns; where a frame is good, smoltcp looks at it meanwhile.
            (0..3).for_each(|_| settle());
            return Err(if damaged {
                Refusal::Damaged
            } else {
                Refusal::TooLong
            });
        };
        let (whole, rest) = frame.as_chunks_mut::<4>();
        let left = words - whole.len();
        LAN9118.read_into(RX_DATA_FIFO, whole);
        if rest.is_empty() {
            discard(left);
        } else {
            let word = LAN9118.read(RX_DATA_FIFO).to_le_bytes();
            rest.iter_mut().zip(word).for_each(|(to, from)| *to = from);
            discard(left - 1);
        }
        Ok(len)
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Refusal> {
        debug_assert!(frame.len() <= FRAME_BYTES_MAX, "the MTU bounds a frame");
        self.take_statuses();
        let room = frame.len() + TX_OVERHEAD_BYTES;
        wait_for(|| (LAN9118.read(TX_FIFO_INF) & 0xFFFF) as usize >= room)
            .map_err(|_| Refusal::Full)?;
        // Command A: first and last segment, no offset; command B: no tag (3.12.2). The MAC pads and adds the
        // check sequence. A frame's length fits 11 bits.
        let len = frame.len() as u32;
        LAN9118.write(TX_DATA_FIFO, 1 << 13 | 1 << 12 | len);
        LAN9118.write(TX_DATA_FIFO, len);
        let (whole, rest) = frame.as_chunks::<4>();
        LAN9118.write_from(TX_DATA_FIFO, whole);
        if !rest.is_empty() {
            let mut word = [0; 4];
            word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            LAN9118.write(TX_DATA_FIFO, u32::from_le_bytes(word));
        }
        Ok(())
    }

    fn count(&mut self, counters: &mut Counters) {
        self.take_statuses();
        counters.failed = counters.failed.wrapping_add(self.failed);
        self.failed = 0;
        // To read it clears it. QEMU's is always 0, though its FIFO drops frames too.
        counters.overrun = counters.overrun.wrapping_add(LAN9118.read(RX_DROP));
    }
}

fn reset() -> Result<(), Absent> {
    wait_for(|| LAN9118.read(PMT_CTRL) & 1 != 0)?;
    if LAN9118.read(BYTE_TEST) != 0x8765_4321 {
        return Err(Absent::Ethernet);
    }
    // The MPS2 board carries a LAN9220, the same to a driver; QEMU models a LAN9118.
    if !matches!(LAN9118.read(ID_REV) >> 16, 0x0118 | 0x9220) {
        return Err(Absent::Ethernet);
    }
    LAN9118.write(HW_CFG, 1);
    wait_for(|| LAN9118.read(HW_CFG) & 1 == 0)?;
    // Bit 20 must be one; 5 KiB to the TX FIFOs leaves 10,560 bytes to received data (5.3.9).
    LAN9118.write(HW_CFG, 1 << 20 | 5 << 16);
    // Flow control levels that AN 12.12 recommends for this division.
    LAN9118.write(AFC_CFG, 0x006E_3740);
    wait_for(|| LAN9118.read(E2P_CMD) & BUSY == 0)?;
    LAN9118.write(INT_EN, 0);
    LAN9118.write(INT_STS, u32::MAX);
    // The pin drives (bit 0), active high (bit 4), enabled (bit 8), without a pause between two interrupts.
    LAN9118.write(IRQ_CFG, 0x111);
    // RX status level 0: the first frame already raises the interrupt.
    LAN9118.write(FIFO_INT, 0x4800_0000);
    Ok(())
}

fn set_address(mac: [u8; 6]) -> Result<(), Absent> {
    let [a, b, c, d, e, f] = mac;
    write_mac(MAC_ADDRL, u32::from_le_bytes([a, b, c, d]))?;
    write_mac(MAC_ADDRH, u32::from_le_bytes([e, f, 0, 0]))
}

fn start_phy() -> Result<(), Absent> {
    // 10 and 100 Mbit/s, and full duplex only, which is what the MAC is set to; then begin the negotiation anew.
    write_phy(PHY_ADVERTISEMENT, 0x0141)?;
    write_phy(PHY_BASIC_CONTROL, 0x1200)?;
    for _ in 0..LINK_POLLS_MAX {
        if read_phy(PHY_BASIC_STATUS)? & 1 << 2 != 0 {
            break;
        }
    }
    Ok(())
}

fn write_mac(register: u32, value: u32) -> Result<(), Absent> {
    LAN9118.write(MAC_CSR_DATA, value);
    LAN9118.write(MAC_CSR_CMD, BUSY | register);
    wait_for(|| LAN9118.read(MAC_CSR_CMD) & BUSY == 0)
}

fn read_mac(register: u32) -> Result<u32, Absent> {
    LAN9118.write(MAC_CSR_CMD, BUSY | 1 << 30 | register);
    wait_for(|| LAN9118.read(MAC_CSR_CMD) & BUSY == 0)?;
    Ok(LAN9118.read(MAC_CSR_DATA))
}

fn write_phy(register: u32, value: u32) -> Result<(), Absent> {
    write_mac(MAC_MII_DATA, value)?;
    access_phy(register, 1 << 1)
}

fn read_phy(register: u32) -> Result<u32, Absent> {
    access_phy(register, 0)?;
    read_mac(MAC_MII_DATA)
}

fn access_phy(register: u32, direction: u32) -> Result<(), Absent> {
    // The internal PHY has address 1; bit 0 is the MII's busy flag (5.4.6).
    write_mac(MAC_MII_ACC, 1 << 11 | register << 6 | direction | 1)?;
    for _ in 0..POLLS_MAX {
        if read_mac(MAC_MII_ACC)? & 1 == 0 {
            return Ok(());
        }
    }
    Err(Absent::Ethernet)
}

fn discard(words: usize) {
    for _ in 0..words {
        let _ = LAN9118.read(RX_DATA_FIFO);
    }
}

/// A register may be read as it was before the last write, for 45 ns (165 ns on a LAN9220): as idle where it is busy.
/// One read of BYTE_TEST takes as long (AN 12.12, table 3.4; LAN9220 data sheet, 6.2).
fn settle() {
    let _ = LAN9118.read(BYTE_TEST);
}

fn wait_for(mut condition: impl FnMut() -> bool) -> Result<(), Absent> {
    settle();
    (0..POLLS_MAX)
        .any(|_| condition())
        .then_some(())
        .ok_or(Absent::Ethernet)
}
