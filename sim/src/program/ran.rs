//! What became of one seed, whatever ran.

use std::collections::BTreeMap;

use tickwire_sim::Report;

pub(crate) struct Ran {
    pub(crate) report: Report,
    /// What else was counted, with who did it: `server: late`.
    pub(crate) counts: BTreeMap<String, u64>,
}
