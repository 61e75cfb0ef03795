//! Who uses the client: looks up names, fetches from what was found, keeps the clock; and checks what
//! came of it.

use std::cell::RefCell;
use std::net::Ipv4Addr;

use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dns::{Lookup, RESOLVE_TIMEOUT, ResolveError};
use tickwire::{Duration, Error, Task, Tick};
use tickwire_sim::{Act, AttemptCounts, Generator, Opening, Script, ScriptError, SimError};

use super::SERVERS;
use super::client::{Client, LOOKUPS, LookingUp, Transfer};
use super::judge::Judge;
use super::name_server::{HOSTS, NAMES, POISON, TTL_SECS_MAX, untrue_since};
use super::time_server::truth;

pub(super) const ECHO_PORT: u16 = 7;
/// What a transfer says: something, a pause, and more than any buffer holds.
const ACTS: [Act<'static>; 7] = [
    Act::Fill(1_000),
    Act::Read(1_000),
    Act::Wait(Duration::from_secs(3)),
    Act::Fill(12_000),
    Act::Read(13_000),
    Act::Close,
    Act::ExpectEnd,
];
/// Within which something must move.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest pause before the user tries again.
const PAUSE_MILLIS_MAX: u64 = 5_000;
/// How late both turns of a lookup may be, of the loop and of its own.
const LATE_MAX: Duration = Duration::from_millis(300);
/// An answer may be on its way for as long as a lookup lasts, and be kept for its life.
const STALE_MAX: Duration =
    Duration::from_secs(RESOLVE_TIMEOUT.as_millis() / 1_000 + TTL_SECS_MAX as u64 + 1);
/// Ticks of both sides, and those of a counter that was measured.
const CLOCK_MICROS_MAX: u64 = 3_000;

/// What still has to succeed once after the end of all faults.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fresh {
    pub(super) lookup: bool,
    pub(super) transfer: bool,
    pub(super) time: bool,
}

pub(super) struct User {
    random: Generator,
    /// Transfers, lookups and settings of the clock.
    pub(super) attempts: [AttemptCounts; 3],
    /// The server that was found last.
    found: Option<Ipv4Addr>,
    /// When each is begun again: the lookups, the transfer, the clock.
    next_at: [Tick; LOOKUPS + 2],
    /// Since the end of all faults.
    pub(super) fresh: Option<Fresh>,
}

impl User {
    pub(super) fn new(random: Generator) -> Self {
        Self {
            random,
            attempts: Default::default(),
            found: None,
            next_at: [Tick::ZERO; LOOKUPS + 2],
            fresh: None,
        }
    }

    /// All faults have ended: what began before does not count any more.
    pub(super) fn heal(&mut self, client: &mut Client<'_>) {
        self.fresh = Some(Fresh::default());
        // One that was denied or slowed down does not ask again.
        client.time = None;
        self.next_at = [Tick::ZERO; LOOKUPS + 2];
        for lookup in client.lookups.iter_mut().flatten() {
            lookup.is_stale = true;
        }
        if let Some(transfer) = &mut client.transfer {
            transfer.is_stale = true;
        }
    }

    /// Whether everything has succeeded since the end of all faults.
    pub(super) fn is_done(&self) -> bool {
        let is_all = |fresh: Fresh| fresh.lookup && fresh.transfer && fresh.time;
        self.fresh.is_some_and(is_all)
    }

    /// When it begins something.
    pub(super) fn next(&self, now: Tick) -> Option<Tick> {
        self.next_at.iter().copied().filter(|at| *at > now).min()
    }

    fn pause(&mut self, now: Tick) -> Tick {
        now + Duration::from_millis(self.random.below(PAUSE_MILLIS_MAX))
    }

    /// Looks at what has ended, and begins something else.
    pub(super) fn drive<'a>(
        &mut self,
        now: Tick,
        client: &mut Client<'a>,
        judge: &RefCell<Judge<'_>>,
    ) {
        for index in 0..LOOKUPS {
            self.drive_lookup(now, index, client, judge);
        }
        self.drive_transfer(now, client, judge);
        self.drive_time(now, client, judge);
    }

    fn is_due(&self, now: Tick, index: usize) -> bool {
        self.next_at.get(index).is_some_and(|at| *at <= now)
    }

    fn set_next(&mut self, now: Tick, index: usize) {
        let next = self.pause(now);
        if let Some(at) = self.next_at.get_mut(index) {
            *at = next;
        }
    }

    fn drive_lookup(
        &mut self,
        now: Tick,
        index: usize,
        client: &mut Client<'_>,
        judge: &RefCell<Judge<'_>>,
    ) {
        let is_idle = client.is_resolver_idle();
        let excused_until = client.excused_until;
        let Some(place) = client.lookups.get_mut(index) else {
            return;
        };
        match place {
            Some(lookup) if lookup.task.is_finished() => {
                let late = judge.borrow().late;
                if let Some(what) = self.judge_lookup(now, lookup, late) {
                    judge.borrow_mut().fail(now, 14, what);
                }
                *place = None;
                self.set_next(now, index);
            }
            Some(lookup) if now > lookup.limit.max(excused_until) + judge.borrow().late => {
                let what = "a lookup did not end in its time";
                judge.borrow_mut().fail(now, 15, what);
            }
            Some(_) => {}
            None if self.is_due(now, index) => {
                let number = self.random.below(NAMES.len() as u64) as usize;
                let name = NAMES.get(number).copied().unwrap_or_default();
                // It may have to wait for one that nobody waits for any more.
                let turns = if is_idle { 1 } else { 2 };
                let limit = Duration::from_millis(turns * RESOLVE_TIMEOUT.as_millis());
                self.count(1).begun += 1;
                *place = Some(LookingUp {
                    task: Task::new(Lookup::new(name, None)),
                    name,
                    limit: now + limit + LATE_MAX,
                    is_stale: false,
                });
                client.wake_now(now);
            }
            None => {}
        }
    }

    /// What is wrong with how a lookup ended.
    fn judge_lookup(
        &mut self,
        now: Tick,
        lookup: &LookingUp,
        late: Duration,
    ) -> Option<&'static str> {
        let label = lookup.name.strip_suffix(".net.test").unwrap_or(lookup.name);
        let is_alone = label == lookup.name;
        match lookup.task.outcome()? {
            Ok(()) => {
                self.count(1).succeeded += 1;
                if let Some(fresh) = self.fresh.as_mut().filter(|_| !lookup.is_stale) {
                    fresh.lookup = true;
                }
                let addresses = lookup.task.app().addresses();
                let all = addresses.iter().filter_map(|address| match address {
                    IpAddress::Ipv4(address) => Some(*address),
                    IpAddress::Ipv6(_) => None,
                });
                if all.clone().count() != addresses.len() || addresses.is_empty() {
                    return Some("a lookup found no address of ours");
                }
                if label == "files" {
                    self.found = all.clone().next();
                }
                all.filter_map(|address| judge_address(now, label, address, late))
                    .next()
            }
            Err(error) => {
                self.count(1).failed += 1;
                self.count(1).last_error = Some(SimError::Connection(*error));
                let Error::Unresolved(error) = error else {
                    return Some("a lookup ended with another error than its own");
                };
                let is_right = match error {
                    ResolveError::NoSuchName => label == "none" || is_alone,
                    ResolveError::TooManyAliases => matches!(label, "loop" | "chain"),
                    ResolveError::NotAName(_) => false,
                    _ => true,
                };
                (!is_right).then_some("a lookup ended with what no server said")
            }
        }
    }

    fn drive_transfer<'a>(
        &mut self,
        now: Tick,
        client: &mut Client<'a>,
        judge: &RefCell<Judge<'_>>,
    ) {
        let resets = judge.borrow().resets;
        if let Some(transfer) = &client.transfer {
            let Some(outcome) = transfer.task.outcome().copied() else {
                return;
            };
            let is_unexplained = outcome == Err(ScriptError::Connection(Error::Reset))
                && resets == transfer.resets_before;
            if is_unexplained {
                let what = "a connection was reset, and no RST had come";
                judge.borrow_mut().fail(now, 2, what);
            }
            if let Some(fresh) = self.fresh.as_mut().filter(|_| !transfer.is_stale) {
                fresh.transfer |= outcome.is_ok();
            }
            let counts = self.count(0);
            match outcome {
                Ok(()) => counts.succeeded += 1,
                Err(error) => {
                    counts.failed += 1;
                    counts.last_error = Some(error.into());
                }
            }
            client.transfer = None;
            self.set_next(now, LOOKUPS);
        } else if self.is_due(now, LOOKUPS)
            && let Some(server) = self.found
        {
            self.count(0).begun += 1;
            let remote = IpEndpoint::new(server.into(), ECHO_PORT);
            let script = Script::new(client.tcp_socket, Opening::Dial(remote), &ACTS);
            client.transfer = Some(Transfer {
                task: Task::new(script.with_timeout(IDLE_TIMEOUT)),
                resets_before: resets,
                is_stale: false,
            });
            client.wake_now(now);
        }
    }

    fn drive_time(&mut self, now: Tick, client: &mut Client<'_>, judge: &RefCell<Judge<'_>>) {
        let (setting, failed) = {
            let mut judge = judge.borrow_mut();
            (
                judge.setting.take(),
                core::mem::take(&mut judge.times_failed),
            )
        };
        self.count(2).begun += failed;
        self.count(2).failed += failed;
        if let Some(setting) = setting {
            self.count(2).begun += 1;
            self.count(2).succeeded += 1;
            let told = client.clock.time(now).map_or(0, |time| time.as_micros());
            // What is small is worked off later.
            let offset = setting.offset_micros.unwrap_or(0);
            let offset = if offset.abs() < 1_000_000 { offset } else { 0 };
            let told = told.saturating_add_signed(offset);
            let error = told.abs_diff(truth(now).as_micros());
            if error > setting.round_trip_micros / 2 + CLOCK_MICROS_MAX {
                let what = "the clock was set to a time that no server has";
                judge.borrow_mut().fail(now, 14, what);
            }
            if let Some(fresh) = &mut self.fresh {
                fresh.time = true;
            }
        }
        if client.time.as_ref().is_some_and(Task::is_finished) {
            client.time = None;
            self.set_next(now, LOOKUPS + 1);
        } else if client.time.is_none() && self.is_due(now, LOOKUPS + 1) {
            let once = self.random.chance(500_000);
            client.start_time(once);
            client.wake_now(now);
        }
    }

    fn count(&mut self, index: usize) -> &mut AttemptCounts {
        self.attempts
            .get_mut(index)
            .expect("three things are counted")
    }
}

/// What is wrong with an address that a lookup of this name found.
fn judge_address(
    now: Tick,
    label: &str,
    address: Ipv4Addr,
    late: Duration,
) -> Option<&'static str> {
    if address == POISON {
        return Some("a lookup believed a forger");
    }
    match label {
        "files" if SERVERS.contains(&address) => None,
        "host" | "alias" | "bare" | "big" if address.octets().starts_with(&HOSTS) => {
            let untrue_since = untrue_since(now, address);
            let is_stale = untrue_since.is_none_or(|since| now > since + STALE_MAX + late);
            is_stale.then_some("a lookup found an address whose life was over")
        }
        _ => Some("a lookup found an address that the name does not have"),
    }
}
