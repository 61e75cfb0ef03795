//! The bounds of the work of one turn.

/// Frames taken in by one turn.
pub const INGRESS_MAX: usize = 32;
/// Passes of smoltcp's egress after one poll of the tasks; healthy loops were measured to need at
/// most 12.
pub const EGRESS_MAX: usize = 16;
/// Steps that one task may take in one poll. A task that needs more goes on in the next turn, which
/// comes at once.
pub const STEPS_MAX: u32 = 64;
/// Turns in a row at one tick that may stop at a cap before the loop asks for the next tick.
pub const CAPPED_TURNS_MAX: u32 = 64;
