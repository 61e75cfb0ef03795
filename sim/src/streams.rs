//! The labels of all streams of random numbers; see [`Generator::fork`](crate::Generator::fork).
//!
//! A label never changes: another label would be another stream, and each seed in a report would
//! show something else. So some are older than the names in the code.

pub(crate) const PORT: &str = "wire port";

pub(crate) const FAULT_MASK: &str = "weather mask";
pub(crate) const LINK_FAULTS: &str = "weather link";
pub(crate) const MTU: &str = "weather mtu";
pub(crate) const FRAME_RULES: &str = "weather rules";
pub(crate) const LINK_CHANGES: &str = "weather gusts";

pub(crate) const NODE: &str = "host";
pub(crate) const SCHEDULER: &str = "pulse";

pub(crate) const PLAN: &str = "plan";
pub(crate) const HEAL_TIME: &str = "time";
pub(crate) const GET_PLAN: &str = "get";
pub(crate) const CHAT_PLAN: &str = "chat";
pub(crate) const FILE_PLAN: &str = "file";
pub(crate) const WORD_SWAPS: &str = "swaps";
pub(crate) const LOOP_PLANS: &str = "loops";
pub(crate) const NODE_FAULTS: &str = "mishaps";

pub(crate) const RUN: &str = "run";
pub(crate) const BOOT: &str = "boot";
pub(crate) const CHUNKS: &str = "chunks";
pub(crate) const PEER_CHOICE: &str = "partners";
pub(crate) const BODY_CUTS: &str = "cuts";
pub(crate) const GET_ATTEMPTS: &str = "get tries";
pub(crate) const CHAT: &str = "chat task";
pub(crate) const CHAT_ATTEMPTS: &str = "chat tries";
pub(crate) const CHAT_LINE: &str = "line";
pub(crate) const SECOND_CALLER: &str = "stranger";
pub(crate) const FILE_ATTEMPTS: &str = "file tries";
pub(crate) const FLASH: &str = "flash";
pub(crate) const STORE_FAULTS: &str = "moods";
pub(crate) const HOSTILE_PEER: &str = "liar";
pub(crate) const LIES: &str = "lies";

pub(crate) const TRANSFER_TRIAL: &str = "contest";
pub(crate) const TRIAL_LINKS: &str = "links";
pub(crate) const TRIAL_FORGER: &str = "forger";
