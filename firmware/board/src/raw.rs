//! All `unsafe` of the firmware: device registers, the interrupt controller, the stack's memory and guard, HardFault.

use core::ptr;

use cortex_m::asm;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{MPU, NVIC, SCB};
use cortex_m_rt::{ExceptionFrame, exception};

/// A block of 32-bit device registers. Only this module makes one, so each names real registers of the board.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    base: usize,
    len_bytes: usize,
}

/// The LAN9118 (AN385, memory map: Ethernet).
#[cfg(feature = "mps2-an385")]
pub(crate) const LAN9118: Registers = Registers {
    base: 0x4020_0000,
    len_bytes: 0x100,
};

/// The Ethernet controller (LM3S6965 data sheet, chapter Ethernet Controller, register map).
#[cfg(feature = "lm3s6965evb")]
pub(crate) const ETHERNET: Registers = Registers {
    base: 0x4004_8000,
    len_bytes: 0x1000,
};

/// System Control (LM3S6965 data sheet, chapter System Control, register map).
#[cfg(feature = "lm3s6965evb")]
pub(crate) const SYSTEM_CONTROL: Registers = Registers {
    base: 0x400F_E000,
    len_bytes: 0x1000,
};

impl Registers {
    /// Reads the register at byte `offset`, with whatever side effect the device gives a read.
    #[inline]
    pub(crate) fn read(self, offset: usize) -> u32 {
        let address = self.address(offset);
        // SAFETY: `address` is an aligned register of a device of this board (see `address`), outside all memory
        // that Rust manages, and device registers hold any bit pattern.
        unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() }
    }

    /// Writes the register at byte `offset`.
    #[inline]
    pub(crate) fn write(self, offset: usize, value: u32) {
        let address = self.address(offset);
        // SAFETY: as in `read`; neither device has bus mastering, so no write here makes it touch memory.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
    }

    /// Reads the register at byte `offset` once for each of `words`: a FIFO's data.
    // A function of its own, for inlined into smoltcp's loop it came out twice as long in one image as in another.
    #[inline(never)]
    pub(crate) fn read_into(self, offset: usize, words: &mut [[u8; 4]]) {
        let address = self.address(offset);
        for word in words {
            // SAFETY: as in `read`.
            let value = unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() };
            *word = value.to_le_bytes();
        }
    }

    /// Writes each of `words` to the register at byte `offset`.
    #[inline(never)]
    pub(crate) fn write_from(self, offset: usize, words: &[[u8; 4]]) {
        let address = self.address(offset);
        for word in words {
            let value = u32::from_le_bytes(*word);
            // SAFETY: as in `write`.
            unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
        }
    }

    #[inline]
    fn address(self, offset: usize) -> usize {
        assert!(
            offset.is_multiple_of(4) && offset < self.len_bytes,
            "no such register"
        );
        self.base + offset
    }
}

/// An external interrupt line by its number.
#[derive(Clone, Copy)]
pub(crate) struct Interrupt(pub(crate) u16);

// SAFETY: the number is that of one line and never changes.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

/// Lets `interrupt` through the NVIC. With PRIMASK set it then ends WFI, and no handler runs.
///
/// Its device must be silent: what is pending is from before, so it is forgotten.
pub(crate) fn unmask(interrupt: Interrupt) {
    NVIC::unpend(interrupt);
    // SAFETY: nothing here relies on the line being masked: no data is shared with a handler, as there is none.
    unsafe { NVIC::unmask(interrupt) }
}

/// How many interrupt lines the board has (AN385, interrupt assignments).
#[cfg(feature = "mps2-an385")]
const INTERRUPTS: usize = 32;
/// How many interrupt lines the board has (LM3S6965 data sheet, chapter Interrupts).
#[cfg(feature = "lm3s6965evb")]
const INTERRUPTS: usize = 44;

unsafe extern "C" {
    /// cortex-m-rt's name for the handler of everything that has none of its own.
    #[link_name = "DefaultHandler"]
    fn default_handler();
}

/// The vectors behind those of the processor's own exceptions. cortex-m-rt's own table has 240, of 4 bytes each.
// SAFETY: cortex-m-rt wants exactly this name and this section for a table of handlers, and no other item has them.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
#[used]
static __INTERRUPTS: [unsafe extern "C" fn(); INTERRUPTS] = [default_handler; INTERRUPTS];

/// What cortex-m-rt's `paint-stack` writes over the stack before `main`.
const STACK_PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// What nobody may touch at the stack's low end, in bytes: a power of two, and the MPU wants it aligned to itself.
const STACK_GUARD_BYTES: usize = 256;

/// The addresses of the stack's low end, behind its guard, and of its high end.
fn stack_bounds() -> (usize, usize) {
    let (end, start) = (&raw const _stack_end, &raw const _stack_start);
    let low = end.addr().next_multiple_of(STACK_GUARD_BYTES) + STACK_GUARD_BYTES;
    (low, start.addr())
}

/// Makes a stack that overflows fault, where it would otherwise go on into the statics below it.
///
/// A function whose frame is larger than the guard may still step over it. On a core without MPU nothing changes.
pub(crate) fn guard_stack(mpu: &MPU) {
    // ARMv7-M Architecture Reference Manual, B3.5. RBAR: VALID, region 0. RASR: XN, no access, 2^(SIZE + 1) bytes,
    // ENABLE. CTRL: ENABLE, and PRIVDEFENA, which leaves all other memory as it is; without HFNMIENA the handler of
    // the fault runs unguarded.
    let base = stack_bounds().0 - STACK_GUARD_BYTES;
    let size = STACK_GUARD_BYTES.ilog2() - 1;
    // SAFETY: nothing lies in the region but the stack's last bytes, which no code names.
    unsafe {
        mpu.rbar.write(base as u32 | 1 << 4);
        mpu.rasr.write(1 << 28 | size << 1 | 1);
        mpu.ctrl.write(1 << 2 | 1);
    }
    asm::dsb();
    asm::isb();
}

/// Whether the fault that is handled now came from the stack's guard, the only memory without access.
fn is_stack_overflow() -> bool {
    // CFSR (B3.2.15): DACCVIOL, MUNSTKERR and MSTKERR.
    // SAFETY: a read of CFSR has no side effect.
    unsafe { (*SCB::PTR).cfsr.read() & (1 << 1 | 1 << 3 | 1 << 4) != 0 }
}

/// The size of the stack, and how much of it was never written, in bytes.
pub(crate) fn stack_bytes() -> (usize, usize) {
    let (low, high) = stack_bounds();
    let untouched = (low..high)
        .step_by(size_of::<u32>())
        .map(ptr::with_exposed_provenance::<u32>)
        // SAFETY: the linker script gives the words between these addresses to the stack, aligned; they are RAM,
        // painted before `main`. Volatile, as the part in use changes behind the compiler's back.
        .take_while(|word| unsafe { word.read_volatile() } == STACK_PAINT)
        .count();
    (high - low, untouched * size_of::<u32>())
}

// `exception` wants an `unsafe fn`: the fault may have come while anything was half done. Nothing is touched
// but the frame that the processor pushed.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    if is_stack_overflow() {
        crate::fault::report_overflow();
    }
    crate::fault::report(frame.pc(), frame.lr())
}

// An interrupt that nobody asked for would otherwise spin in cortex-m-rt's own handler.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    crate::fault::report_interrupt(number)
}
