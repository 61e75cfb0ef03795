//! One seed: a client that crashes, a server that lies, and a link that loses frames.

use std::cell::RefCell;
use std::rc::Rc;
use std::slice;

use smoltcp::iface::SocketHandle;
use tickwire::http::{Download, DownloadBuffers, DownloadOptions, GetOptions, Version};
use tickwire::{AnyTask, Duration, Server, ServerOptions, Task, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use tickwire_sim::{Generator, Node, NodeMemory, World};

use super::files::Files;
use super::server::Answering;
use super::sink::{Kept, KeptSink};

const CLIENT: usize = 0;
const SERVER: usize = 1;
const CALLERS: usize = 3;
const FRAMES: usize = 64;
const FRAME_BYTES: usize = 1_514;
const BUFFER_BYTES: usize = 4_096;
/// When the server becomes honest, the link stops to lose frames, and the client to crash.
const HEAL_AT: Tick = Tick::from_millis(120_000);
/// Within which the client must then have a whole file: more than its longest wait.
const HEALED_MAX: Duration = Duration::from_secs(120);
/// How often the client starts at most.
const LIVES_MAX: usize = 24;
const URL: &str = "http://10.0.0.2/0";

/// What a seed showed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Downloads that came whole.
    pub(super) whole: u64,
    /// Of those: over at least two attempts.
    pub(super) resumed: u64,
    pub(super) failed: u64,
    pub(super) crashes: u64,
    pub(super) lies: u64,
}

/// Runs a seed.
///
/// # Errors
/// What the client did wrong.
pub(super) fn run(seed: u64) -> Result<Counts, &'static str> {
    let root = Generator::new(seed);
    let files = Rc::new(RefCell::new(Files::new(root.fork("files", 0))));
    let mut bytes = vec![0; FRAMES * FRAME_BYTES];
    let mut frames: Vec<_> = bytes.chunks_mut(FRAME_BYTES).map(Frame::new).collect();
    let mut ports = [const { PortState::new() }; 2];
    let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
    let mut random = root.fork("trial", 0);
    for port in [CLIENT, SERVER] {
        world.ethernet.set_link(
            port,
            Link {
                loss_ppm: random.below(50_000) as u32,
                delay_micros: random.below(20_000),
                ..Link::PERFECT
            },
        );
    }
    let mut buffers = [[0; BUFFER_BYTES]; 2 * CALLERS];
    let mut memory = NodeMemory::<CALLERS>::new();
    let mut node = Node::new(&world.ethernet, SERVER, seed, &mut memory);
    let [a, b, c, d, e, f] = &mut buffers;
    let sockets = [(a, b), (c, d), (e, f)].map(|(receive, send)| node.add_socket(receive, send));
    let sessions = [(); CALLERS].map(|()| Answering::new(&files));
    let mut server = Task::new(Server::new(sockets, 80, sessions, ServerOptions::default()));
    let mut lives: Vec<_> = (0..LIVES_MAX).map(|_| Life::default()).collect();
    let mut lives = lives.iter_mut();
    let mut trial = Trial {
        world: &world,
        files: &files,
        kept: Rc::default(),
        counts: Counts::default(),
        random,
        seed,
    };
    trial.run_to_end(&mut lives, &mut node, &mut server)?;
    trial.counts.lies = files.borrow().lies;
    Ok(trial.counts)
}

type ServerTask = Task<Server<Answering, CALLERS>>;

/// The client's memory, from a start to a crash.
struct Life<'a> {
    node: NodeMemory<'a, 1>,
    receive: [u8; BUFFER_BYTES],
    send: [u8; 512],
}

impl Default for Life<'_> {
    fn default() -> Self {
        Self {
            node: NodeMemory::new(),
            receive: [0; BUFFER_BYTES],
            send: [0; 512],
        }
    }
}

struct Trial<'a, 'e> {
    world: &'a World<'e>,
    files: &'a Rc<RefCell<Files>>,
    kept: Rc<RefCell<Kept>>,
    counts: Counts,
    random: Generator,
    seed: u64,
}

/// How a download left off.
enum Ended {
    Whole,
    Failed,
    /// The time was up first.
    Interrupted,
}

impl<'a> Trial<'a, '_> {
    fn run_to_end(
        &mut self,
        lives: &mut slice::IterMut<'a, Life<'a>>,
        server_node: &mut Node<'a>,
        server: &mut ServerTask,
    ) -> Result<(), &'static str> {
        while self.world.now() < HEAL_AT && lives.len() > 1 {
            let life = lives.next().expect("two are left");
            let time = Duration::from_millis(self.random.log_uniform(50, 60_000));
            let end = HEAL_AT.min(self.world.now() + time);
            self.live(life, server_node, server, end)?;
            self.counts.crashes += 1;
            let down = Duration::from_millis(self.random.log_uniform(1, 5_000));
            let up_at = self.world.now() + down;
            self.world.ethernet.set_up(CLIENT, false);
            let tasks: &mut [&mut dyn AnyTask] = &mut [server];
            self.world
                .run(up_at, &mut [server_node.with(tasks)], &mut ());
            self.world.ethernet.set_up(CLIENT, true);
        }
        self.files.borrow_mut().is_honest = true;
        for port in [CLIENT, SERVER] {
            self.world.ethernet.set_link(port, Link::PERFECT);
        }
        let whole = self.counts.whole;
        let life = lives.next().expect("one is left");
        self.live(life, server_node, server, self.world.now() + HEALED_MAX)?;
        if self.counts.whole == whole {
            return Err("no download came whole after all faults had ended");
        }
        Ok(())
    }

    /// The client from its start to its crash: one download after the other.
    fn live(
        &mut self,
        life: &'a mut Life<'a>,
        server_node: &mut Node<'a>,
        server: &mut ServerTask,
        end: Tick,
    ) -> Result<(), &'static str> {
        let seed = self.seed ^ self.counts.crashes << 32;
        let mut node = Node::new(&self.world.ethernet, CLIENT, seed, &mut life.node);
        let socket = node.add_socket(&mut life.receive, &mut life.send);
        loop {
            let nodes = [&mut node, &mut *server_node];
            match self.download(socket, nodes, server, end)? {
                Ended::Interrupted => return Ok(()),
                Ended::Whole if self.files.borrow().is_honest => return Ok(()),
                Ended::Whole | Ended::Failed => {}
            }
        }
    }

    fn download(
        &mut self,
        socket: SocketHandle,
        [node, server_node]: [&mut Node<'a>; 2],
        server: &mut ServerTask,
        end: Tick,
    ) -> Result<Ended, &'static str> {
        let (mut urls, mut validators) = ([0; 128], [0; 64]);
        let buffers = DownloadBuffers {
            urls: &mut urls,
            validators: &mut validators,
        };
        let sink = KeptSink(Rc::clone(&self.kept));
        let mut app = Download::new(socket, URL, &[], options(), buffers, sink)
            .map_err(|_| "the download does not begin")?;
        let held = {
            let kept = self.kept.borrow();
            let version = Version {
                url: &kept.url,
                validator: Some(&kept.validator),
                total: kept.total,
            };
            if !kept.validator.is_empty() {
                app = app.resume(kept.bytes.len() as u64, &version);
            }
            kept.bytes.len() as u64
        };
        let mut task = Task::new(app);
        node.wake_now(self.world.now());
        let tracer = RefCell::new(());
        while !task.is_finished() {
            let tasks: [&mut [&mut dyn AnyTask]; 2] = [&mut [&mut task], &mut [&mut *server]];
            let [ours, theirs] = tasks;
            let running = &mut [node.with(ours), server_node.with(theirs)];
            self.world.turn_due(running, &tracer);
            if !task.is_finished() && !self.world.sleep(end, [&*node, &*server_node]) {
                break;
            }
        }
        self.judge(&task, held)
    }

    /// Checks what is kept, and counts how the download ended.
    fn judge(
        &mut self,
        task: &Task<Download<'_, KeptSink>>,
        held: u64,
    ) -> Result<Ended, &'static str> {
        let files = self.files.borrow();
        let mut kept = self.kept.borrow_mut();
        if !files.is_prefix_of_one(&kept.bytes) {
            return Err("two files were mixed");
        }
        match task.outcome() {
            None => Ok(Ended::Interrupted),
            Some(Err(_)) => {
                self.counts.failed += 1;
                Ok(Ended::Failed)
            }
            Some(Ok(())) => {
                let complete = task.app().complete();
                let is_all = complete.is_some_and(|all| all.bytes == kept.bytes.len() as u64);
                if !is_all || !files.is_whole(&kept.bytes) {
                    return Err("a download ended with a file that is not whole");
                }
                self.counts.whole += 1;
                let is_resumed = complete.is_some_and(|all| all.status == 206) || held > 0;
                self.counts.resumed += u64::from(is_resumed);
                *kept = Kept::default();
                Ok(Ended::Whole)
            }
        }
    }
}

fn options() -> DownloadOptions {
    DownloadOptions {
        request: GetOptions {
            // An end that only a close proves may be a cut.
            require_length: true,
            ..GetOptions::default()
        },
        retries_max: 3,
        retry_delay_max: Duration::from_secs(4),
        ..DownloadOptions::default()
    }
}
