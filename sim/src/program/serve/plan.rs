//! What a seed decides, but for the acts of members and hostile browsers.

use std::fmt;

use tickwire::Tick;
use tickwire_sim::{FaultPlan, Generator, Profile};

use super::acts::NAMES;
use super::member::Speech;
use super::{CONNECTIONS, NODES, ROOMS};

/// A member who plays by the rules.
#[derive(Debug)]
pub(super) struct MemberPlan {
    pub(super) speech: Speech,
    pub(super) home: usize,
    pub(super) name: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) heal_at: Tick,
    pub(super) has_hostile: bool,
    /// The hostile browser goes on when all faults have ended, until everybody has heard all.
    pub(super) hostile_stays: bool,
    /// All callers find a place at once, and nobody has to wait for one.
    pub(super) is_roomy: bool,
    /// Members of the hub.
    pub(super) members_max: usize,
    pub(super) members: Vec<MemberPlan>,
    /// For whatever comes later.
    pub(super) random: Generator,
}

/// Of each node but the hub's and the hostile one.
const MEMBERS: usize = (NODES - 2) * CONNECTIONS;
/// Each of ours may be in all rooms, and so may each hostile connection, and in another one.
const OURS_MAX: usize = MEMBERS * ROOMS.len() + ROOMS.len();
const MEMBERS_MAX: usize = OURS_MAX + CONNECTIONS * (ROOMS.len() + 1);

impl Plan {
    pub(super) fn new(seed: u64, profile: Profile) -> Self {
        let root = Generator::new(seed).fork("serve", 0);
        let heal_at = Tick::from_millis(root.fork("heal", 0).log_uniform(5_000, 40_000));
        let mut random = root.fork("trial", 0);
        let has_hostile = profile != Profile::Mild;
        let hostile_stays = has_hostile && random.chance(500_000);
        let members_max = random.between(OURS_MAX as u64, MEMBERS_MAX as u64) as usize;
        let member = |_| {
            let speeches = [Speech::Lines, Speech::Text, Speech::SocketIo];
            let name = NAMES[random.below(NAMES.len() as u64) as usize];
            MemberPlan {
                speech: speeches[random.below(3) as usize],
                home: random.below(ROOMS.len() as u64) as usize,
                name: random.chance(400_000).then_some(name),
            }
        };
        let members = (0..MEMBERS).map(member).collect();
        Self {
            heal_at,
            has_hostile,
            hostile_stays,
            is_roomy: hostile_stays || random.chance(500_000),
            members_max: if hostile_stays {
                MEMBERS_MAX
            } else {
                members_max
            },
            members,
            random,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            heal_at,
            hostile_stays,
            is_roomy,
            members_max,
            ..
        } = self;
        writeln!(
            f,
            "faults end at {heal_at}, hostile browser stays: {hostile_stays}\n\
             hub: {members_max} members, a place for every caller: {is_roomy}"
        )?;
        for (number, member) in self.members.iter().enumerate() {
            writeln!(f, "member {number}: {member:?}")?;
        }
        Ok(())
    }
}

/// Prints what a seed decides.
pub(crate) fn describe(seed: u64, profile: Profile, out: &mut dyn fmt::Write) -> fmt::Result {
    let plan = Plan::new(seed, profile);
    let faults = FaultPlan::from_seed(seed, profile, NODES, plan.heal_at);
    write!(out, "{plan}{faults}")
}
