//! A GET client, and the scripted server that it asks.

use core::iter::repeat;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{Duration, Error, Tick, TimeoutKind};

use super::app_plans::{BodyCut, Framing, GetPlan};
use super::attempts::{AttemptCounts, Attempts, is_plausible};
use super::context::RunContext;
use super::node_slot::{SOCKETS, Violation};
use super::plan::{GET_CLIENT, GET_SERVER};
use super::portions::Portions;
use super::sim_app::{GET, SimApp};
use crate::bump::Bump;
use crate::pattern::{Pattern, PatternSink};
use crate::{Act, Generator, Idle, Node, Opening, Script, SimError, streams};

/// The port of the server.
pub(crate) const PORT: u16 = 80;
/// How long the server waits for a client that does nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most chunks of a body.
const CHUNKS_MAX: u64 = 6;
/// Acts of the longest script: three for each chunk, and those before and after.
pub(crate) const ACTS_MAX: usize = 3 * CHUNKS_MAX as usize + 8;

/// One GET after the other.
pub(crate) struct GetWorkload<'a> {
    plan: GetPlan,
    connect_timeout: Duration,
    acts: &'a [Act<'a>],
    /// The same, but the body ends early.
    cut_acts: &'a [Act<'a>],
    client: Option<SocketHandle>,
    server: Option<SocketHandle>,
    random: Generator,
    attempts: Attempts,
    portions: Portions,
    /// The present attempt asks a hostile peer.
    is_peer_hostile: bool,
}

/// The script of the server, filled up with acts that do nothing.
pub(crate) fn server_acts<'a>(
    plan: &GetPlan,
    bump: &mut Bump<'a, SOCKETS>,
    mut random: Generator,
    cut: Option<BodyCut>,
) -> [Act<'a>; ACTS_MAX] {
    let mut acts = [Act::ExpectEnd; ACTS_MAX];
    let mut rest = acts.iter_mut();
    let mut add = |act| *rest.next().expect("a script has room for its acts") = act;
    add(Act::Expect(b"\r\n\r\n"));
    match plan.framing {
        Framing::Length => {
            let length = plan.length;
            add(Act::Send(bump.text(format_args!(
                "HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n"
            ))));
            add(Act::Fill(length));
        }
        Framing::Close => {
            add(Act::Send(b"HTTP/1.0 200 OK\r\n\r\n"));
            add(Act::Fill(plan.length));
        }
        Framing::Chunked => {
            add(Act::Send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ));
            let mut left = plan.length;
            for chunk in 1..=CHUNKS_MAX {
                if left == 0 {
                    break;
                }
                let bytes = if chunk == CHUNKS_MAX {
                    left
                } else {
                    random.between(1, left)
                };
                left -= bytes;
                add(Act::Send(bump.text(format_args!("{bytes:x}\r\n"))));
                add(Act::Fill(bytes));
                add(Act::Send(b"\r\n"));
            }
            add(Act::Send(b"0\r\n\r\n"));
        }
    }
    add(Act::Flush);
    add(Act::Close);
    if let Some(cut) = cut {
        cut_short(&mut acts, cut);
    }
    acts
}

/// Ends a script early.
fn cut_short(acts: &mut [Act<'_>], cut: BodyCut) {
    let mut left = cut.bytes;
    for act in acts.iter_mut() {
        if let Act::Fill(count) = act {
            *count = left.min(*count);
            left -= *count;
        }
    }
    let last = acts.iter().rposition(|act| matches!(act, Act::Fill(1..)));
    let ends = acts.iter_mut().skip(last.map_or(2, |last| last + 1));
    let end = if cut.is_clean { Act::Close } else { Act::Reset };
    for (old, new) in ends.zip([Act::Flush, end].into_iter().chain(repeat(Act::ExpectEnd))) {
        *old = new;
    }
}

impl<'a> GetWorkload<'a> {
    pub(crate) fn new(
        plan: GetPlan,
        connect_timeout: Duration,
        [acts, cut_acts]: [&'a [Act<'a>]; 2],
        context: &RunContext<'a, '_>,
    ) -> Self {
        let attempts = context.root.fork(streams::GET_ATTEMPTS, 0);
        Self {
            plan,
            connect_timeout,
            acts,
            cut_acts,
            random: context.root.fork(streams::BODY_CUTS, 0),
            client: None,
            server: None,
            attempts: Attempts::new(attempts, plan.wanted),
            portions: Portions::new(plan.reader),
            is_peer_hostile: false,
        }
    }

    /// Gives a node that starts its sockets; those that listen after those of all workloads that do
    /// not.
    pub(crate) fn install(
        &mut self,
        context: &mut RunContext<'a, '_>,
        node: usize,
        is_listening: bool,
    ) {
        let [client, server] = self.plan.buffers;
        let sizes = match (node, is_listening) {
            (GET_CLIENT, false) => [client, 512],
            (GET_SERVER, true) => [512, server],
            _ => return,
        };
        let handle = Some(context.add_socket(node, sizes));
        if node == GET_CLIENT {
            self.client = handle;
        } else {
            self.server = handle;
            self.serve(context);
        }
    }

    fn serve(&mut self, context: &mut RunContext<'a, '_>) {
        let Some(handle) = self.server else {
            return;
        };
        let is_cut = self.plan.cut.is_some() && !context.is_healed() && self.random.chance(500_000);
        let acts = if is_cut { self.cut_acts } else { self.acts };
        let script = Script::new(handle, Opening::Listen(PORT), acts);
        let app = SimApp::Script(script.with_timeout(TIMEOUT));
        context.start_app(GET_SERVER, GET, app);
    }

    pub(crate) fn drive(&mut self, context: &mut RunContext<'a, '_>) {
        if context.is_up(GET_SERVER) && context.slot(GET_SERVER, GET).outcome().is_some() {
            self.serve(context);
        }
        if context.is_up(GET_CLIENT) {
            if self.attempts.is_running() {
                self.read(context);
                self.check_outcome(context);
            }
            if self.attempts.is_due(context.now()) {
                self.begin(context);
            }
        }
        let what = "no fresh GET succeeded within 60 s of the end of all faults";
        context.check_fresh(&self.attempts, GET_CLIENT, what);
    }

    fn pattern(&self) -> Pattern {
        Pattern {
            salt: 0,
            length: self.plan.length,
        }
    }

    /// Begins an attempt.
    fn begin(&mut self, context: &mut RunContext<'a, '_>) {
        let Some(handle) = self.client else {
            return;
        };
        let url = Url::parse("http://10.0.0.2/page").expect("the URL is well-formed");
        let request = Request::new(&url, &[]).expect("there are no headers");
        let options = GetOptions {
            connect_timeout: self.connect_timeout,
            total_timeout: self.plan.total_timeout.filter(|_| !context.is_healed()),
            ..GetOptions::default()
        };
        let mut sink = PatternSink::new(self.pattern());
        sink.room = self.portions.take(context);
        let peer = context.choose_peer(GET_SERVER);
        self.is_peer_hostile = peer != GET_SERVER;
        let remote = IpEndpoint::new(Node::address_of(peer).into(), PORT);
        let get = Get::new(handle, remote, request, options, &mut [], sink);
        context.start_app(GET_CLIENT, GET, SimApp::Get(get));
        self.attempts.begin(context.now());
    }

    /// The client's user takes more of what arrived.
    fn read(&mut self, context: &mut RunContext<'a, '_>) {
        if !self.portions.is_due(context) {
            return;
        }
        let room = self.portions.take(context);
        if let SimApp::Get(get) = context.app(GET_CLIENT, GET) {
            get.sink_mut().room = room;
        }
        context.wake(GET_CLIENT);
    }

    fn check_outcome(&mut self, context: &mut RunContext<'a, '_>) {
        let outcome = context.slot(GET_CLIENT, GET).outcome();
        let SimApp::Get(get) = context.app(GET_CLIENT, GET) else {
            return;
        };
        let complete = get.complete();
        let (taken, is_broken) = (get.sink_mut().taken, get.sink_mut().is_broken);
        context.check(
            !is_broken || self.is_peer_hostile,
            GET_CLIENT,
            Violation::new(1, "a body is no prefix of what was sent"),
        );
        let Some(outcome) = outcome else {
            return;
        };
        let now = context.now();
        self.portions.stop();
        match outcome {
            Ok(()) => {
                let is_all = self.is_peer_hostile || taken == self.plan.length;
                let is_whole = is_all && complete.is_some_and(|complete| complete.bytes == taken);
                context.check(
                    is_whole,
                    GET_CLIENT,
                    Violation::new(1, "a GET succeeded without the whole body"),
                );
                self.attempts.succeed(now);
            }
            Err(error) => {
                let is_explained = is_plausible(error, self.is_peer_hostile)
                    || self.explains(error)
                    // Sometimes smoltcp itself closes before its last bytes.
                    || error == SimError::Get(GetError::Truncated) && !context.options.is_guarded;
                context.check(
                    is_explained,
                    GET_CLIENT,
                    Violation::new(2, "a GET ended in an error that nothing caused"),
                );
                self.attempts.fail(now, error);
            }
        }
        // The next attempt gets its socket.
        context.start_app(GET_CLIENT, GET, SimApp::Idle(Idle));
    }

    /// Whether an error can come from what this seed has decided.
    fn explains(&self, error: SimError) -> bool {
        match error {
            SimError::Get(GetError::Truncated) => self.plan.cut.is_some_and(|cut| cut.is_clean),
            SimError::Connection(Error::TimedOut(TimeoutKind::Sink)) => self.plan.reader.is_some(),
            _ => false,
        }
    }

    pub(crate) fn crashed(&mut self, now: Tick, node: usize) {
        if node == GET_CLIENT {
            self.attempts.crash(now);
            self.portions.stop();
        }
    }

    pub(crate) fn heal(&mut self, now: Tick) {
        self.attempts.heal(now);
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let portion = self.portions.next(now);
        self.attempts.next(now).into_iter().chain(portion).min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.attempts.is_done()
    }

    pub(crate) fn counts(&self) -> AttemptCounts {
        self.attempts.counts()
    }
}
