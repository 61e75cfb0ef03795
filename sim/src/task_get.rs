//! A GET client, and the scripted server that it asks.

use core::iter::repeat;

use crate::Generator;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Error, Tick};

use crate::arena::Arena;
use crate::cast::{Cast, GET, Machine};
use crate::pattern::{Checked, Pattern};
use crate::plan::{Framing, GetPlan, HERE, THERE};
use crate::stage::Stage;
use crate::tries::{Tries, is_plausible};
use crate::{Act, Host, Opening, Script};

/// The port of the server.
pub(crate) const PORT: u16 = 80;
/// How long the server waits for a client that does nothing.
const PATIENCE_TICKS: u64 = 30_000;
/// The most chunks of a body.
const CHUNKS_MAX: u64 = 6;
/// Acts of the longest script: three a chunk, and what is around them.
pub(crate) const ACTS_MAX: usize = 3 * CHUNKS_MAX as usize + 8;

/// One GET after the other.
pub(crate) struct GetTask<'a> {
    plan: GetPlan,
    connect_ticks: u64,
    acts: &'a [Act<'a>],
    /// The same, but it ends early.
    cut_acts: &'a [Act<'a>],
    client: Option<SocketHandle>,
    server: Option<SocketHandle>,
    random: Generator,
    pub(crate) tries: Tries,
    /// When the client takes more of what came.
    reads_at: Option<Tick>,
    /// The present attempt asks a liar.
    is_lied_to: bool,
}

/// Writes the script of the server, and behind its end acts that do nothing.
pub(crate) fn acts<'a>(
    plan: &GetPlan,
    arena: &mut Arena<'a>,
    mut random: Generator,
    cut: Option<(u64, bool)>,
) -> [Act<'a>; ACTS_MAX] {
    let mut acts = [Act::ExpectEnd; ACTS_MAX];
    let mut places = acts.iter_mut();
    let mut add = |act| *places.next().expect("a script has room for its acts") = act;
    add(Act::Expect(b"\r\n\r\n"));
    match plan.framing {
        Framing::Length => {
            let length = plan.length;
            add(Act::Send(arena.text(format_args!(
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
                add(Act::Send(arena.text(format_args!("{bytes:x}\r\n"))));
                add(Act::Fill(bytes));
                add(Act::Send(b"\r\n"));
            }
            add(Act::Send(b"0\r\n\r\n"));
        }
    }
    add(Act::Flush);
    add(Act::Close);
    if let Some((bytes, is_clean)) = cut {
        cut_short(&mut acts, bytes, is_clean);
    }
    acts
}

/// Ends a script after so many bytes of its body, by FIN or by RST.
fn cut_short(acts: &mut [Act<'_>], bytes: u64, is_clean: bool) {
    let mut left = bytes;
    for place in acts.iter_mut() {
        if let Act::Fill(count) = place {
            *count = left.min(*count);
            left -= *count;
        }
    }
    let last = acts.iter().rposition(|act| matches!(act, Act::Fill(1..)));
    let ends = acts.iter_mut().skip(last.map_or(2, |last| last + 1));
    let end = if is_clean { Act::Close } else { Act::Reset };
    for (place, act) in ends.zip([Act::Flush, end].into_iter().chain(repeat(Act::ExpectEnd))) {
        *place = act;
    }
}

impl<'a> GetTask<'a> {
    pub(crate) fn new(
        plan: GetPlan,
        connect_ticks: u64,
        [acts, cut_acts]: [&'a [Act<'a>]; 2],
        stage: &Stage<'a, '_>,
    ) -> Self {
        Self {
            plan,
            connect_ticks,
            acts,
            cut_acts,
            random: stage.root.fork("cuts", 0),
            client: None,
            server: None,
            tries: Tries::new(stage.root.fork("get tries", 0), plan.goals),
            reads_at: None,
            is_lied_to: false,
        }
    }

    /// Gives a host that starts its sockets, those that listen after those of all other tasks.
    pub(crate) fn install(&mut self, stage: &mut Stage<'a, '_>, host: usize, is_listening: bool) {
        let [client, server] = self.plan.buffers;
        let sizes = match (host, is_listening) {
            (HERE, false) => [client, 512],
            (THERE, true) => [512, server],
            _ => return,
        };
        let handle = Some(stage.add_socket(host, sizes));
        if host == HERE {
            self.client = handle;
        } else {
            self.server = handle;
            self.serve(stage);
        }
    }

    fn serve(&mut self, stage: &mut Stage<'a, '_>) {
        let Some(handle) = self.server else {
            return;
        };
        let is_cut = self.plan.cut.is_some() && !stage.is_calm && self.random.chance(500_000);
        let acts = if is_cut { self.cut_acts } else { self.acts };
        let script = Script::new(handle, Opening::Listen(PORT), acts);
        let cast = Cast::Script(script.with_patience(PATIENCE_TICKS));
        let now = stage.now();
        stage.machine(THERE).seat(now, GET, cast);
    }

    pub(crate) fn direct(&mut self, stage: &mut Stage<'a, '_>) {
        if stage.is_up(THERE) && outcome(stage.machine(THERE)).is_some() {
            self.serve(stage);
        }
        if stage.is_up(HERE) {
            if self.tries.is_running() {
                self.read(stage);
                self.judge(stage);
            }
            if self.tries.is_due(stage.now()) {
                self.ask(stage);
            }
        }
        if self
            .tries
            .is_dead(stage.now(), stage.recorder.borrow().excused_until)
        {
            stage.find(HERE, (12, "no fresh GET succeeded within 60 s of the calm"));
        }
    }

    fn pattern(&self) -> Pattern {
        Pattern {
            salt: 0,
            length: self.plan.length,
        }
    }

    fn ask(&mut self, stage: &mut Stage<'a, '_>) {
        let Some(handle) = self.client else {
            return;
        };
        let now = stage.now();
        let url = Url::parse("http://10.0.0.2/page").expect("the URL is well-formed");
        let request = Request::new(&url, &[]).expect("there are no headers");
        let options = GetOptions {
            connect_ticks: self.connect_ticks,
            total_ticks: self.plan.total_ticks.filter(|_| !stage.is_calm),
            ..GetOptions::default()
        };
        let mut sink = Checked::new(self.pattern());
        let reading = self.plan.reading.filter(|_| !stage.is_calm);
        sink.room = reading.map(|reading| reading.bytes);
        self.reads_at = reading.map(|reading| now.after(reading.every_ticks));
        let partner = stage.partner(THERE);
        self.is_lied_to = partner != THERE;
        let remote = IpEndpoint::new(Host::address_of(partner).into(), PORT);
        let get = Get::new(handle, remote, request, options, &mut [], sink);
        stage.machine(HERE).seat(now, GET, Cast::Get(get));
        self.tries.begin(stage.now());
    }

    /// The client's user takes more of what came.
    fn read(&mut self, stage: &mut Stage<'a, '_>) {
        let (now, is_calm) = (stage.now(), stage.is_calm);
        if self.reads_at.is_none_or(|at| at > now && !is_calm) {
            return;
        }
        let reading = self.plan.reading.filter(|_| !is_calm);
        self.reads_at = reading.map(|reading| now.after(reading.every_ticks));
        if let Cast::Get(get) = stage.cast(HERE, GET) {
            get.sink_mut().room = reading.map(|reading| reading.bytes);
        }
        stage.machine(HERE).wake(now);
    }

    fn judge(&mut self, stage: &mut Stage<'a, '_>) {
        let ended = outcome(stage.machine(HERE));
        let Cast::Get(get) = stage.cast(HERE, GET) else {
            return;
        };
        let complete = get.complete();
        let (taken, is_broken) = (get.sink_mut().taken, get.sink_mut().is_broken);
        stage.expect(
            !is_broken || self.is_lied_to,
            HERE,
            (1, "a body is no prefix of what was sent"),
        );
        let Some(ended) = ended else {
            return;
        };
        let now = stage.now();
        self.reads_at = None;
        match ended {
            Ok(()) => {
                let is_all = self.is_lied_to || taken == self.plan.length;
                let is_whole = is_all && complete.is_some_and(|complete| complete.bytes == taken);
                stage.expect(
                    is_whole,
                    HERE,
                    (1, "a GET succeeded without the whole body"),
                );
                self.tries.succeed(now);
            }
            Err(error) => {
                let is_plausible = is_plausible(error, self.is_lied_to)
                    || self.explains(error)
                    // smoltcp itself closes at times before its last bytes.
                    || error == Error::Truncated && !stage.options.is_guarded;
                stage.expect(
                    is_plausible,
                    HERE,
                    (2, "a GET ended in an error that nothing caused"),
                );
                self.tries.fail(now, error);
            }
        }
        // Its sockets go to the next attempt.
        stage
            .machine(HERE)
            .seat(now, GET, Cast::Idle(crate::cast::Idle));
    }

    /// Whether an error can come of what this seed has drawn.
    fn explains(&self, error: Error) -> bool {
        match error {
            Error::Truncated => self.plan.cut.is_some_and(|(_, is_clean)| is_clean),
            Error::StalledSink => self.plan.reading.is_some(),
            _ => false,
        }
    }

    pub(crate) fn crashed(&mut self, now: Tick, host: usize) {
        if host == HERE {
            self.tries.crash(now);
            self.reads_at = None;
        }
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let reads_at = self.reads_at.filter(|at| *at > now);
        self.tries.next(now).into_iter().chain(reads_at).min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.tries.goals == 0 && !self.tries.is_running()
    }
}

fn outcome(machine: &mut Machine<'_>) -> Option<Result<(), tickwire::Error>> {
    machine.player(GET).outcome()
}
