//! An app in the loop: its outcome, and the loop's notes about it.

use smoltcp::iface::SocketHandle;

use super::snapshot::SocketSnapshot;
use super::spin::SpinDetector;
use super::{App, Backlog, Deadline, Error, Io, STEPS_MAX, Step};

/// An app and its outcome. [`Stack::turn`](crate::Stack::turn) takes a list of these.
///
/// The app can be owned or borrowed: `Task::new(app)` and `Task::new(&mut app)` both work.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Task<A: App> {
    app: A,
    name: &'static str,
    outcome: Option<Result<(), A::Error>>,
    notes: Notes,
}

/// What the loop remembers of a task's sockets from one turn to the next.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Notes {
    /// The sockets as they were last seen.
    pub(super) sockets: SocketSnapshot,
    pub(super) spin: SpinDetector,
}

impl<A: App> Task<A> {
    /// A task that has not taken a step yet.
    pub fn new(app: A) -> Self {
        Self {
            name: app.name(),
            app,
            outcome: None,
            notes: Notes::default(),
        }
    }

    /// The same with a name of its own, where two tasks run the same kind of app.
    pub fn named(name: &'static str, app: A) -> Self {
        Self {
            name,
            ..Self::new(app)
        }
    }

    /// The app, to ask it.
    pub const fn app(&self) -> &A {
        &self.app
    }

    /// The app, to command it between turns.
    pub const fn app_mut(&mut self) -> &mut A {
        &mut self.app
    }

    /// How the app ended; `None` while it runs.
    pub const fn outcome(&self) -> Option<&Result<(), A::Error>> {
        self.outcome.as_ref()
    }

    /// Whether the app has ended.
    pub const fn is_finished(&self) -> bool {
        self.outcome.is_some()
    }

    /// The app, with all that it holds.
    pub fn into_app(self) -> A {
        self.app
    }
}

/// A task whatever its app: what [`Stack::turn`](crate::Stack::turn) drives. Only [`Task`] is one.
pub trait AnyTask: sealed::Sealed {
    /// The task's name in events and logs.
    fn name(&self) -> &'static str;

    /// Whether the app has ended.
    fn is_finished(&self) -> bool;

    /// The app's deadline; `None` also when it has ended.
    fn deadline(&self) -> Option<Deadline>;

    /// The app's sockets.
    fn sockets(&self) -> &[SocketHandle];

    /// The callers that may wait for the app.
    fn backlog(&self) -> Option<Backlog>;

    #[doc(hidden)]
    fn step(&mut self, io: &mut Io, is_late: bool) -> Step;

    #[doc(hidden)]
    fn fail(&mut self, error: Error);

    #[doc(hidden)]
    fn notes(&mut self) -> &mut Notes;
}

mod sealed {
    pub trait Sealed {}
    impl<A: super::App> Sealed for super::Task<A> {}
}

impl<A: App> AnyTask for Task<A> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_finished(&self) -> bool {
        self.outcome.is_some()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.outcome
            .is_none()
            .then(|| self.app.deadline())
            .flatten()
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.app.sockets()
    }

    fn backlog(&self) -> Option<Backlog> {
        self.app.backlog()
    }

    fn step(&mut self, io: &mut Io, is_late: bool) -> Step {
        let step = if is_late {
            self.app.expired(io)
        } else {
            self.app.step(io)
        };
        let outcome = match step {
            Ok(Step::Done) => Ok(()),
            Ok(step) => return step,
            Err(error) => Err(error),
        };
        self.outcome = Some(outcome);
        Step::Done
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error.into()));
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.notes
    }
}

/// Takes steps until there is nothing more to do now.
///
/// Steps come first and the deadline after them, so that data which is already here beats a late
/// clock. But after [`STEPS_MAX`] steps the deadline is judged in any case, so that no flood can
/// outrun it.
pub(super) fn poll(task: &mut dyn AnyTask, io: &mut Io) {
    let mut steps = 0;
    loop {
        let mut step = task.step(io, false);
        steps += 1;
        if step == Step::Wait || (step == Step::Again && steps >= STEPS_MAX) {
            let missed = task
                .deadline()
                .filter(|deadline| io.is_drained && deadline.at <= io.now)
                .filter(|deadline| !io.is_excused(Some(*deadline), task.sockets()));
            match missed {
                Some(missed) => {
                    step = task.step(io, true);
                    if step != Step::Done && task.deadline() == Some(missed) {
                        debug_assert!(
                            false,
                            "{} stayed in a state whose deadline has passed",
                            task.name()
                        );
                        task.fail(Error::TimedOut(missed.awaits));
                        return;
                    }
                }
                None if step == Step::Wait => return,
                None => {}
            }
        }
        if step == Step::Done {
            return;
        }
        if steps >= STEPS_MAX {
            io.yield_now();
            return;
        }
    }
}
