//! What a seed decides for each app.

use heapless::Vec;
use tickwire::Duration;

use super::faulty_store::StoreFaults;
use crate::Generator;
use crate::pattern::{Pattern, SlowReader};

/// How a server says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunked,
    Close,
}

/// Where a server ends a body too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyCut {
    /// After this number of bytes.
    pub(crate) bytes: u64,
    /// By FIN, not by RST.
    pub(crate) is_clean: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct GetPlan {
    pub(crate) framing: Framing,
    pub(crate) length: u64,
    /// Some bodies end like this as long as there are faults.
    pub(crate) cut: Option<BodyCut>,
    pub(crate) reader: Option<SlowReader>,
    pub(crate) total_timeout: Option<Duration>,
    /// Receive buffer of the client, send buffer of the server.
    pub(crate) buffers: [usize; 2],
    /// The number of bodies to fetch as long as there are faults.
    pub(crate) wanted: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ChatPlan {
    pub(crate) listener: usize,
    /// The number of lines of each node as long as there are faults.
    pub(crate) lines: [u32; 2],
    /// The longest line, in bytes.
    pub(crate) line_bytes_max: u64,
    /// The longest time between two lines.
    pub(crate) gap_max: Duration,
    /// The buffer of the line that comes in, and of the queue that goes out.
    pub(crate) memory: [usize; 2],
    pub(crate) is_raw: bool,
    pub(crate) redials: bool,
    pub(crate) reader: Option<SlowReader>,
    pub(crate) buffers: [usize; 2],
    pub(crate) salt: u64,
    /// The number of conversations as long as there are faults.
    pub(crate) wanted: u32,
    /// Whether the third node calls too.
    pub(crate) has_second_caller: bool,
}

/// The most files of a run; the last one is sent after the faults.
pub(crate) const FILES_MAX: usize = 4;

/// One file to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) pattern: Pattern,
    pub(crate) is_checked: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct FilePlan {
    pub(crate) receiver: usize,
    pub(crate) files: Vec<File, FILES_MAX>,
    pub(crate) is_flash: bool,
    pub(crate) slot_bytes: usize,
    pub(crate) store_faults: StoreFaults,
    /// The power of the receiver fails after this number of writes and erases.
    pub(crate) power_cut_after: Option<u64>,
    /// How often two words of a segment of the sender change places, which only a digest notices,
    /// in parts per million.
    pub(crate) word_swap_ppm: u32,
    /// The number of files to send as long as there are faults.
    pub(crate) wanted: u32,
    pub(crate) buffers: [usize; 2],
}

/// The buffers of a socket: up to 16 KiB, above which congestion control would depend on how the
/// core was built.
fn draw_buffers(random: &mut Generator) -> [usize; 2] {
    // At most 16 KiB.
    core::array::from_fn(|_| random.log_uniform(512, 16_384) as usize)
}

fn draw_reader(random: &mut Generator, is_bad: bool) -> Option<SlowReader> {
    let reader = SlowReader {
        bytes: random.log_uniform(1, 8_192),
        every: Duration::from_millis(random.log_uniform(1, 15_000)),
    };
    (random.chance(300_000) && is_bad).then_some(reader)
}

pub(crate) fn get_plan(random: &mut Generator, is_bad: bool) -> GetPlan {
    let framing = match random.below(3) {
        0 => Framing::Length,
        1 => Framing::Chunked,
        _ => Framing::Close,
    };
    let length = if random.chance(50_000) {
        0
    } else {
        random.log_uniform(1, 65_536)
    };
    let cut = BodyCut {
        bytes: random.below(length.max(1)),
        is_clean: random.chance(500_000),
    };
    // A body whose end is the close of the connection: a client cannot detect that it was cut.
    let may_cut = is_bad && framing != Framing::Close && length > 0;
    GetPlan {
        framing,
        length,
        cut: (random.chance(250_000) && may_cut).then_some(cut),
        reader: draw_reader(random, is_bad),
        total_timeout: (random.chance(200_000) && is_bad)
            .then(|| Duration::from_millis(random.log_uniform(100, 60_000))),
        buffers: draw_buffers(random),
        wanted: random.between(1, 2) as u32,
    }
}

pub(crate) fn chat_plan(random: &mut Generator, is_bad: bool) -> ChatPlan {
    let memory: [usize; 2] = core::array::from_fn(|_| random.log_uniform(128, 1_024) as usize);
    ChatPlan {
        listener: random.below(2) as usize,
        lines: core::array::from_fn(|_| random.log_uniform(1, 16) as u32 - 1),
        // The line must fit into the queue with its end.
        line_bytes_max: random.log_uniform(8, memory[1] as u64 - 1),
        gap_max: Duration::from_millis(random.log_uniform(1, 4_000)),
        memory,
        is_raw: random.chance(200_000),
        redials: random.chance(300_000),
        reader: draw_reader(random, is_bad),
        buffers: draw_buffers(random),
        salt: random.below(1 << 20),
        wanted: 1,
        has_second_caller: random.chance(500_000),
    }
}

pub(crate) fn file_plan(random: &mut Generator, is_bad: bool) -> FilePlan {
    let slot_bytes = random.log_uniform(1, 64) as usize * 512;
    let mut files = Vec::new();
    for _ in 0..random.between(1, 3) {
        let length = if random.chance(50_000) {
            0
        } else {
            random.log_uniform(1, slot_bytes as u64)
        };
        let pattern = Pattern {
            salt: random.below(1 << 20),
            length,
        };
        let is_checked = random.chance(700_000);
        // At most three.
        let _ = files.push(File {
            pattern,
            is_checked,
        });
        if random.chance(200_000) {
            // The same file once more.
            let _ = files.push(File {
                pattern,
                is_checked,
            });
            break;
        }
    }
    files.truncate(FILES_MAX - 1);
    let store_faults = StoreFaults {
        fail_at: (random.chance(300_000) && is_bad).then(|| random.log_uniform(1, 400) - 1),
        pending_ppm: if random.chance(300_000) {
            random.below(500_000) as u32
        } else {
            0
        },
        write_bytes_max: random.chance(300_000).then(|| random.log_uniform(1, 2_000)),
    };
    FilePlan {
        receiver: random.below(2) as usize,
        word_swap_ppm: 0,
        wanted: files.len() as u32,
        files,
        is_flash: random.chance(650_000),
        slot_bytes,
        store_faults,
        power_cut_after: (random.chance(300_000) && is_bad).then(|| random.log_uniform(1, 600) - 1),
        buffers: draw_buffers(random),
    }
}
