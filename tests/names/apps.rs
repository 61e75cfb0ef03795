//! Each app that dials takes a name.

use tickwire::chat::{Chat, Options};
use tickwire::dns::{HostPort, ResolveError};
use tickwire::file::{FileSender, SenderOptions};
use tickwire::http::{Download, DownloadBuffers, DownloadOptions};
use tickwire::{
    Backoff, Client, ClientOptions, Connection, Discard, Error, Received, Session, Step,
};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, leak, ms, secs};
use crate::dialling::{ANSWER, DNS, WEB, answer, dialled, near, rig};
use crate::reply::{Reply, SERVFAIL};

/// Waits for the peer's end.
struct Listen;

impl Session for Listen {
    type Error = Error;

    fn name(&self) -> &'static str {
        "listen"
    }

    fn begin(&mut self, _: &mut Connection) -> Result<(), Error> {
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        Ok(match connection.read(&mut [0; 8])? {
            Received::End => Step::Done,
            Received::Data(_) => Step::Again,
            Received::Nothing => Step::Wait,
        })
    }
}

#[test]
fn a_chat_dials_a_name_and_resolves_it_again_at_each_redial() {
    let mut rig = rig();
    let sockets = [(); 2].map(|()| rig.net.add_socket(0, BUFFER));
    let options = Options {
        redial: true,
        ..Options::DEFAULT
    };
    let mut chat = Chat::with_remotes(sockets, leak(0, 64), leak(0, 64), Discard, options);
    chat.dial(HostPort::new("www.example.com", 7));
    rig.net.start(0, chat);
    // At first no server finds an answer, then one has an address at which nobody listens.
    let question = rig.question(DNS);
    let reply = Reply::to(&question.bytes).code(SERVFAIL);
    rig.send(DNS, question.from, &reply.bytes);
    let question = rig.question(DNS);
    answer(&mut rig, &question, &[near(WEB)]);
    rig.net.run(ms(100));
    assert!(rig.net.has_told(0, "failed: Unresolved(ServerFailed)"));
    assert!(rig.net.has_told(0, "failed with 10.0.0.3: Refused"));
    rig.net
        .script(WEB, Opening::Listen(7), &[Act::Wait(secs(1))]);
    rig.net.run(secs(10));
    assert!(rig.net.has_told(0, "connected as Client"));
}

#[test]
fn a_sender_dials_a_name_and_says_when_it_cannot_be_resolved() {
    let mut rig = rig();
    let socket = rig.net.add_socket(0, BUFFER);
    let source: &[u8] = b"a file";
    let remote = HostPort::new("www.example.com", 7);
    let sender = FileSender::plain(socket, remote, source, SenderOptions::default());
    let sender = rig.net.start(0, sender);
    let acts = [Act::Expect(b"a file"), Act::ExpectEnd];
    rig.net.script(WEB, Opening::Listen(7), &acts);
    let question = rig.question(DNS);
    answer(&mut rig, &question, &[near(WEB)]);
    assert_eq!(rig.net.finish(sender, secs(60)), Ok(()));

    let remote = HostPort::new("silent.example.com", 7);
    let sender = FileSender::plain(socket, remote, source, SenderOptions::default());
    let sender = rig.net.start(0, sender);
    let error = Error::Unresolved(ResolveError::NoAnswer);
    assert_eq!(rig.net.finish(sender, secs(60)), Err(error.into()));
}

#[test]
fn a_name_server_that_falls_silent_between_two_attempts_does_not_end_the_attempts() {
    let mut rig = rig();
    let socket = rig.net.add_socket(0, BUFFER);
    let remote = HostPort::new("www.example.com", 7);
    let backoff = Backoff::new(secs(2), secs(2)).without_jitter();
    let options = ClientOptions::default();
    let client = Client::with_retry(socket, remote, Listen, options, backoff);
    let client = rig.net.start(0, client);
    let question = rig.question(DNS);
    let reply = Reply::to(&question.bytes).a("www.example.com", 1, near(WEB));
    rig.send(DNS, question.from, &reply.bytes);
    rig.net.run(ms(100));
    assert_eq!(rig.net.last_told(0), "retrying in 2000");
    // What the server said holds for a second. It is silent now, for one attempt and a pause.
    rig.net.run(secs(8));
    assert!(rig.net.has_told(0, "failed: Unresolved(NoAnswer)"));
    rig.net.script(WEB, Opening::Listen(7), &[Act::Close]);
    // It has heard three questions, of which the last is still open: the next attempt finds the answer.
    for _ in 0..3 {
        let question = rig.question(DNS);
        answer(&mut rig, &question, &[near(WEB)]);
    }
    assert_eq!(rig.net.finish(client, secs(60)), Ok(()));
}

#[test]
fn a_download_resolves_the_name_of_each_redirect_and_tries_the_other_address() {
    let mut rig = rig();
    let socket = rig.net.add_socket(0, BUFFER);
    let buffers = DownloadBuffers {
        urls: leak(0, 512),
        validators: leak(0, 64),
    };
    let options = DownloadOptions::default();
    let url = "http://www.example.com/";
    let download = Download::new(socket, url, &[], options, buffers, Discard).unwrap();
    let download = rig.net.start(0, download);
    let moved = b"HTTP/1.0 302 Found\r\nLocation: http://other.example.com/\r\n\r\n";
    let acts = [ANSWER[0], Act::Send(moved)];
    rig.net.script(WEB, Opening::Listen(80), &acts);
    let question = rig.question(DNS);
    answer(&mut rig, &question, &[near(WEB)]);
    let question = rig.question(DNS);
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let reply = Reply::to(&question.bytes).a("other.example.com", 60, near(DNS));
    let reply = reply.a("other.example.com", 60, near(WEB));
    rig.send(DNS, question.from, &reply.bytes);
    assert_eq!(rig.net.finish(download, secs(60)), Ok(()));
    let order: Vec<_> = dialled(&rig)
        .into_iter()
        .map(|(address, _)| address)
        .collect();
    assert_eq!(order, [near(WEB), near(DNS), near(WEB)]);
    assert!(rig.net.has_told(0, "resolving other.example.com"));
}
