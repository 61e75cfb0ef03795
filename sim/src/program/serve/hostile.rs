//! A browser that plays by no rules.

use std::collections::VecDeque;

use tickwire::{Connection, Deadline, Duration, Error, Received, Session, Step, Tick, TimeoutKind};
use tickwire_sim::Generator;

use super::allowance::{FLOOD, FLOOD_SOCKETIO};
use super::frames::{frame, handshake, raw_frame};

/// What a hostile browser does next.
enum Act {
    Send(Vec<u8>),
    /// Sends one byte after the other, with this time between them.
    Drip(Vec<u8>, Duration),
    Wait(Duration),
    /// Reads nothing more.
    Freeze,
    /// Reads this number of bytes from now on, and nothing more.
    Sip(usize),
    Close,
    Reset,
}

/// One connection of a hostile browser.
pub(super) struct Hostile {
    task_name: &'static str,
    acts: VecDeque<Act>,
    until: Option<Tick>,
    /// How much it still reads.
    thirst: usize,
}

/// What a client of Socket.IO might send, and must not.
const PACKETS: [&str; 24] = [
    "40",
    "40/attic,",
    "40/x,",
    "40/*,",
    "40/a/b,{}",
    "41",
    "41/attic,",
    "42[\"message\",\"x\"]",
    "42[\"event\",{\"a\":[1,2,{\"b\":null}]}]",
    "42/attic,7[\"event\"]",
    "427[\"message\",{\"name\":\"y\"}]",
    "42[\"joined\",{\"name\":\"y\"}]",
    "42[\"connect\"]",
    "42[",
    "42{}",
    "43[]",
    "430[]",
    "440{}",
    "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    "2",
    "3",
    "1",
    "5",
    "42[\"\\ud83d\",\"\\u0000\"]",
];
const LINES: [&str; 9] = [
    "/name x\n",
    "/name lobby-1\r\n",
    "/room attic\n",
    "/room x\r",
    "/room y\n",
    "/who\n",
    "\u{1b}[2J\u{202e}\n",
    "x\n\n\n",
    "/quit\n",
];
const TARGETS: [&str; 7] = [
    "/ws",
    "/ws?room=attic&name=x",
    "/ws?room=attic&name=bob",
    "/ws?name=%zz",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=polling",
    "/",
];
/// How much one that floods says.
const FLOOD_ACTS: u64 = 90;

impl Hostile {
    /// One whose acts are drawn. `is_web` says to which port it speaks, and no other has its number.
    pub(super) fn new(
        task_name: &'static str,
        random: &mut Generator,
        is_web: bool,
        number: u64,
    ) -> Self {
        let acts = match random.below(5) {
            0 if is_web && random.chance(500_000) => flood_socketio(random, number),
            0 if is_web => flood_text(random, number),
            0 => flood_lines(random, number),
            _ => noise(random, is_web),
        };
        Self {
            task_name,
            acts,
            until: None,
            thirst: usize::MAX,
        }
    }
}

fn noise(random: &mut Generator, is_web: bool) -> VecDeque<Act> {
    let mut acts = VecDeque::new();
    if is_web && random.chance(900_000) {
        let target = pick(random, &TARGETS);
        acts.push_back(Act::Send(handshake(target).into_bytes()));
    }
    for _ in 0..random.between(1, 30) {
        acts.push_back(match random.below(22) {
            0 => Act::Wait(Duration::from_millis(random.log_uniform(1, 20_000))),
            1 => Act::Freeze,
            2 => Act::Sip(random.log_uniform(1, 3_000) as usize),
            3 if random.chance(300_000) => Act::Close,
            4 if random.chance(300_000) => Act::Reset,
            5 => {
                let pause = Duration::from_millis(random.log_uniform(1, 500));
                Act::Drip(bytes(random, is_web), pause)
            }
            _ => Act::Send(bytes(random, is_web)),
        });
    }
    acts
}

fn bytes(random: &mut Generator, is_web: bool) -> Vec<u8> {
    let len = random.log_uniform(1, 700) as usize;
    let noise: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
    let mut bytes = match (random.below(11), is_web) {
        (0, _) => noise,
        (1, false) => noise.repeat(9),
        (_, false) => pick(random, &LINES).as_bytes().to_vec(),
        (1, true) => frame(0x2, &noise),
        (2, true) => frame(0x9, &noise[..len.min(125)]),
        (3, true) => raw_frame(random.below(256) as u8, &noise),
        (4, true) => huge(random),
        // A message in two parts, between which there may be anything.
        (5, true) => raw_frame(0x01, b"part"),
        (6, true) => raw_frame([0x00, 0x80][random.below(2) as usize], b"part"),
        // Without a mask.
        (7, true) => vec![0x81, 2, b'x', b'y'],
        _ => frame(0x1, pick(random, &PACKETS).as_bytes()),
    };
    if random.chance(100_000) {
        bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
    }
    bytes
}

/// The head of a frame that announces more than it sends, or more than there can be, or in more bytes
/// than it needs.
fn huge(random: &mut Generator) -> Vec<u8> {
    let len = match random.below(4) {
        0 => u64::MAX,
        1 => 1 << 63,
        2 => 5,
        _ => random.log_uniform(1_000, 1 << 40),
    };
    let mut head = vec![[0x81, 0x82, 0x88, 0x89][random.below(4) as usize], 0xff];
    head.extend(len.to_be_bytes());
    head.extend([0; 4]);
    head.extend(b"begin");
    head
}

/// Says more than it may, under names and in messages that show who it is.
fn flood_lines(random: &mut Generator, number: u64) -> VecDeque<Act> {
    let name = format!("{FLOOD}{number}");
    let mut lines = format!("/name {name}\n");
    for index in 0..FLOOD_ACTS {
        lines += &match random.below(8) {
            0 => format!("/name {name}x{index}\n"),
            1 => "/room attic\n".to_owned(),
            2 => "/room lobby\n".to_owned(),
            3 => "/who\n".to_owned(),
            _ => format!("{name}#{index} {:.<1$}\n", "", random.below(300) as usize),
        };
    }
    VecDeque::from([Act::Send(lines.into_bytes())])
}

fn flood_text(random: &mut Generator, number: u64) -> VecDeque<Act> {
    let name = format!("{FLOOD}{number}");
    let mut bytes = handshake(&format!("/ws?room=attic&name={name}")).into_bytes();
    for index in 0..FLOOD_ACTS {
        let text = format!("{name}#{index} {:.<1$}", "", random.below(300) as usize);
        bytes.extend(frame(0x1, text.as_bytes()));
    }
    VecDeque::from([Act::Send(bytes)])
}

fn flood_socketio(random: &mut Generator, number: u64) -> VecDeque<Act> {
    let name = format!("{FLOOD_SOCKETIO}{number}");
    let target = format!("/socket.io/?EIO=4&transport=websocket&name={name}");
    let mut bytes = handshake(&target).into_bytes();
    for space in ["", "/attic,"] {
        bytes.extend(frame(0x1, format!("40{space}").as_bytes()));
    }
    for index in 0..2 * FLOOD_ACTS {
        let packet = match random.below(8) {
            0 => "40/cellar,".to_owned(),
            1 => "41/cellar,".to_owned(),
            at => {
                let space = ["", "/attic,"][at as usize % 2];
                format!("42{space}{index}[\"message\",\"{name}#{index}\"]")
            }
        };
        bytes.extend(frame(0x1, packet.as_bytes()));
    }
    VecDeque::from([Act::Send(bytes)])
}

fn pick<'p>(random: &mut Generator, texts: &[&'p str]) -> &'p str {
    let at = random.below(texts.len() as u64) as usize;
    texts.get(at).copied().unwrap_or_default()
}

impl Session for Hostile {
    type Error = Error;

    fn name(&self) -> &'static str {
        self.task_name
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let thirst = self.thirst;
        if thirst > 0 {
            let read = |bytes: &[u8]| {
                let len = bytes.len().min(thirst);
                (len, len)
            };
            match connection.read_with(|bytes| read(bytes))? {
                Received::Data(len) => {
                    self.thirst = thirst.saturating_sub(len);
                    return Ok(Step::Again);
                }
                Received::Nothing => {}
                Received::End => return Ok(Step::Done),
            }
        }
        if self.until.is_some_and(|until| until > connection.now()) {
            return Ok(Step::Wait);
        }
        self.until = None;
        match self.acts.pop_front() {
            None => return Ok(Step::Wait),
            Some(Act::Send(mut bytes)) => {
                let count = connection.write(&bytes)?;
                if count < bytes.len() {
                    self.acts.push_front(Act::Send(bytes.split_off(count)));
                    return Ok(Step::Wait);
                }
            }
            Some(Act::Drip(mut bytes, pause)) => {
                let count = connection.write(bytes.get(..1).unwrap_or_default())?;
                let rest = bytes.split_off(count);
                if !rest.is_empty() {
                    self.acts.push_front(Act::Drip(rest, pause));
                    self.until = Some(connection.now() + pause);
                    return Ok(Step::Wait);
                }
            }
            Some(Act::Wait(time)) => self.until = Some(connection.now() + time),
            Some(Act::Freeze) => self.thirst = 0,
            Some(Act::Sip(bytes)) => self.thirst = bytes,
            Some(Act::Close) => return Ok(Step::Done),
            Some(Act::Reset) => return Err(Error::Reset),
        }
        Ok(Step::Again)
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = self.until.unwrap_or(Tick::from_millis(u64::MAX / 4));
        Some(Deadline::new(at, TimeoutKind::Total))
    }

    fn expired(&mut self, connection: &mut Connection, _: Deadline) -> Result<Step, Error> {
        self.step(connection)
    }
}
