//! What may happen to frames: by chance, and by a plan for single frames.

/// What the link of a port does to the frames that the port sends. With all fields at zero,
/// [`Link::PERFECT`], it does nothing to them.
///
/// Rates are in parts per million of frames, times in microseconds. Each receiver's copy of a frame
/// is judged in this order: losses, at most one [`Change`] of its bytes, its delay, its duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Frames lost, each independently of all others.
    pub loss_ppm: u32,
    /// Frames lost in runs.
    pub bursts: Option<Bursts>,
    /// TCP segments lost that carry nothing but an acknowledgement.
    pub ack_loss_ppm: u32,
    /// TCP segments lost that carry payload.
    pub data_loss_ppm: u32,
    /// The time that every frame takes.
    pub delay_micros: u64,
    /// Additional time, drawn for each frame.
    pub jitter: Jitter,
    /// A frame never overtakes an earlier one of this port; without it, jitter reorders.
    pub keeps_order: bool,
    /// Frames held back so that later ones overtake them.
    pub reorder_ppm: u32,
    /// The longest time that a frame is held back.
    pub reorder_micros_max: u64,
    /// Frames that arrive twice.
    pub duplicate_ppm: u32,
    /// The longest time from the first arrival to the second.
    pub duplicate_micros_max: u64,
    /// Frames with one bit flipped.
    pub bit_flip_ppm: u32,
    /// Frames cut short.
    pub truncate_ppm: u32,
    /// Frames with random bytes after their end.
    pub pad_ppm: u32,
    /// Frames with one byte of their headers replaced.
    pub junk_ppm: u32,
    /// TCP segments with two words of their payload swapped, which no checksum notices.
    pub word_swap_ppm: u32,
    /// TCP segments over IPv4 that tell something untrue, with right checksums.
    pub lie_ppm: u32,
    /// Frames before which the link stands still; all later frames wait, in order.
    pub clog_ppm: u32,
    /// The longest time that the link stands still.
    pub clog_micros_max: u64,
    /// The rate of the link and its queue; `None` is infinitely fast.
    pub bandwidth: Option<Bandwidth>,
}

impl Link {
    /// Every frame arrives once, whole, in order and at once.
    pub const PERFECT: Self = Self {
        loss_ppm: 0,
        bursts: None,
        ack_loss_ppm: 0,
        data_loss_ppm: 0,
        delay_micros: 0,
        jitter: Jitter::None,
        keeps_order: false,
        reorder_ppm: 0,
        reorder_micros_max: 0,
        duplicate_ppm: 0,
        duplicate_micros_max: 0,
        bit_flip_ppm: 0,
        truncate_ppm: 0,
        pad_ppm: 0,
        junk_ppm: 0,
        word_swap_ppm: 0,
        lie_ppm: 0,
        clog_ppm: 0,
        clog_micros_max: 0,
        bandwidth: None,
    };
}

/// Time in addition to a link's delay, drawn for each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jitter {
    /// None.
    #[default]
    None,
    /// From 0 to the maximum, all equally likely.
    Uniform {
        /// The maximum, in microseconds.
        micros_max: u64,
    },
    /// Exponentially distributed: mostly short, sometimes long.
    Exponential {
        /// The mean, in microseconds.
        micros_mean: u64,
    },
}

/// Loss in runs: in a good run every frame passes, in a bad run none does.
///
/// E. N. Gilbert, "Capacity of a Burst-Noise Channel", 1960: the lengths are geometrically
/// distributed, so that `bad / (good + bad)` of all frames are lost. A mean of 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bursts {
    /// The mean length of a good run, in frames.
    pub good_frames_mean: u32,
    /// The mean length of a bad run, in frames.
    pub bad_frames_mean: u32,
}

/// The most frames that the queue of a slow link can hold.
pub const QUEUE_FRAMES_MAX: usize = 64;

/// A rate, and a queue that drops new frames when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    pub(super) bits_per_second: u32,
    pub(super) queue_frames: usize,
}

impl Bandwidth {
    /// A line of this rate, for which at most `queue_frames` frames wait, including the one on the
    /// line.
    ///
    /// Only the bytes that smoltcp sees take time: preamble, frame check sequence and gap take
    /// none.
    ///
    /// # Panics
    /// When the rate is 0, or the queue does not hold 1 to [`QUEUE_FRAMES_MAX`] frames.
    pub const fn new(bits_per_second: u32, queue_frames: usize) -> Self {
        assert!(bits_per_second > 0, "a line must move bits");
        assert!(
            queue_frames > 0 && queue_frames <= QUEUE_FRAMES_MAX,
            "a queue holds 1 to 64 frames"
        );
        Self {
            bits_per_second,
            queue_frames,
        }
    }
}

/// A fault that alters a frame's bytes and still delivers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One bit is flipped, anywhere.
    BitFlip,
    /// The frame ends early, with at least one byte left.
    Truncation,
    /// 1 to 46 random bytes follow the frame, as far as the receiver's MTU allows.
    Padding,
    /// One byte of the Ethernet, IP or TCP header is replaced. A checksum that covers the byte
    /// always detects it.
    Junk,
    /// Two different 16-bit words of a TCP payload are swapped: the checksum stays right, only a
    /// digest detects it.
    WordSwap,
    /// A TCP segment over IPv4 becomes another one: with another window, number or
    /// acknowledgement, a range that it claims to have received, SYN or RST; or an ICMP error about
    /// what it acknowledges.
    Lie,
}

impl Change {
    /// All changes, in the order of their counts.
    pub const ALL: [Self; 6] = [
        Self::BitFlip,
        Self::Truncation,
        Self::Padding,
        Self::Junk,
        Self::WordSwap,
        Self::Lie,
    ];
}

/// Why a frame was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// [`Link::loss_ppm`].
    Loss,
    /// [`Link::bursts`].
    Burst,
    /// [`Link::ack_loss_ppm`].
    AckLoss,
    /// [`Link::data_loss_ppm`].
    DataLoss,
    /// [`Action::Drop`] of a plan or a rule.
    Planned,
    /// The way between the two ports is cut.
    Severed,
    /// The sender's or the receiver's port is down.
    Down,
    /// The queue of [`Link::bandwidth`] is full.
    QueueFull,
    /// All frames that the caller lent are in flight.
    PoolFull,
    /// Longer than the sender's or the receiver's MTU.
    Oversize,
    /// Shorter than an Ethernet header.
    Runt,
    /// No other port, or addressed to the sender itself.
    NoRecipient,
}

impl Cause {
    /// All causes, in the order of their counts.
    pub const ALL: [Self; 12] = [
        Self::Loss,
        Self::Burst,
        Self::AckLoss,
        Self::DataLoss,
        Self::Planned,
        Self::Severed,
        Self::Down,
        Self::QueueFull,
        Self::PoolFull,
        Self::Oversize,
        Self::Runt,
        Self::NoRecipient,
    ];
}

/// What a plan or a rule does to one frame. Such a frame is exempt from chance. The delay and the
/// bandwidth of the link, cuts, and ports that are down still apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It arrives untouched.
    Pass,
    /// It is lost.
    Drop,
    /// It arrives twice.
    Duplicate {
        /// The time from the first arrival to the second, in microseconds.
        after_micros: u64,
    },
    /// It arrives late.
    Delay {
        /// How late, in microseconds.
        by_micros: u64,
    },
    /// It arrives altered.
    Change(Change),
}

/// One entry of a plan: what happens to one frame of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Which frame: the number of frames that the port had sent before it. The first frame is 0.
    pub number: u64,
    /// What happens to it.
    pub action: Action,
}

/// Decides about single frames by their content: it gets a frame's number and its bytes. `None`
/// leaves the frame to chance.
pub type Rule = fn(number: u64, frame: &[u8]) -> Option<Action>;
