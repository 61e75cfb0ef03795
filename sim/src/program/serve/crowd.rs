//! The connections of the hostile browser.

use smoltcp::iface::SocketHandle;
use tickwire::{AnyTask, Client, Task};
use tickwire_sim::Generator;

use super::CONNECTIONS;
use super::hostile::Hostile;
use super::place::client;
use super::servers::{LINES_PORT, WEB_PORT};

/// The names of their tasks.
const TASK_NAMES: [&str; CONNECTIONS] = ["hostile 0", "hostile 1", "hostile 2"];
/// How often one ends in the middle and another begins, in parts per million of the looks at it.
const END_PPM: u32 = 10_000;

type HostileTask = Task<Client<Hostile>>;

/// One connection after the other over each socket.
#[derive(Default)]
pub(super) struct Crowd {
    tasks: Vec<(SocketHandle, HostileTask)>,
    /// How many connections there were.
    pub(super) count: u64,
}

impl Crowd {
    pub(super) fn add(&mut self, socket: SocketHandle, random: &mut Generator) {
        let task = self.next_task(self.tasks.len(), socket, random);
        self.tasks.push((socket, task));
    }

    fn next_task(
        &mut self,
        index: usize,
        socket: SocketHandle,
        random: &mut Generator,
    ) -> HostileTask {
        let is_web = random.chance(700_000);
        let port = if is_web { WEB_PORT } else { LINES_PORT };
        let hostile = Hostile::new(TASK_NAMES[index], random, is_web, self.count);
        self.count += 1;
        client(socket, port, hostile)
    }

    /// Those that have ended come again, and some end.
    pub(super) fn act(&mut self, random: &mut Generator) {
        for index in 0..self.tasks.len() {
            let (socket, task) = &self.tasks[index];
            if task.is_finished() || random.chance(END_PPM) {
                let socket = *socket;
                self.tasks[index].1 = self.next_task(index, socket, random);
            }
        }
    }

    pub(super) fn tasks(&mut self) -> impl Iterator<Item = &mut dyn AnyTask> {
        let tasks = self.tasks.iter_mut();
        tasks.map(|(_, task)| task as &mut dyn AnyTask)
    }

    /// All are gone.
    pub(super) fn clear(&mut self) {
        self.tasks.clear();
    }
}
