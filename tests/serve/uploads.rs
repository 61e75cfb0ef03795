//! Files that are posted into a store.

use tickwire::EchoSession;
use tickwire::http::server::{HttpSession, UploadOptions, Uploads};
use tickwire::store::MemoryStore;

use super::common::fixture::{BUFFER, leak};
use super::site::Site;
use super::{HOST, Served, request, secs, status};

type Handler = Uploads<'static, MemoryStore<'static>, Site>;

/// Largest file; the store has room for less.
const BYTES_MAX: u64 = 2_000;
const STORE_BYTES: usize = 1_000;

fn served() -> Served<Handler> {
    named(&[])
}

/// A server that goes by these names.
fn named(hosts: &'static [&'static str]) -> Served<Handler> {
    let options = UploadOptions {
        path: "/files/",
        bytes_max: BYTES_MAX,
        origins: &["http://friend.example"],
    };
    let store = MemoryStore::new(leak(0, STORE_BYTES), leak(0, STORE_BYTES));
    let handler = Uploads::new(options, Some(store), Site::default());
    let session = HttpSession::with_upgrade(handler, EchoSession, leak(0, 2_048));
    Served::start(BUFFER, session.with_hosts(hosts))
}

/// The name and the bytes that were stored last.
fn stored(served: &Served<Handler>) -> Option<(String, Vec<u8>)> {
    let image = served.handler().store().unwrap().image()?;
    Some((image.name.unwrap().to_owned(), image.bytes.to_vec()))
}

/// A POST of this body, after which the connection closes.
fn post(path: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{HOST}{fields}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}

fn form(name: &str, file: &str) -> String {
    let body = format!(
        "--bOu\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{file}\r\n--bOu--\r\n"
    );
    post(
        "/files/",
        "Content-Type: multipart/form-data; boundary=bOu\r\n",
        &body,
    )
}

#[test]
fn a_file_is_stored_wherever_its_bytes_are_cut() {
    let mut served = served();
    let text = post("/files/a%20b.txt", "", "hello");
    for cut in 0..text.len() {
        let call = served.call(&text, Some(cut));
        assert_eq!(status(&served.answer(call)), 201, "cut at {cut}");
    }
    let file = ("a b.txt".to_owned(), b"hello".to_vec());
    assert_eq!(stored(&served), Some(file));
    assert_eq!(status(&served.ask(&post("/files/empty", "", ""))), 201);
    assert_eq!(stored(&served), Some(("empty".to_owned(), Vec::new())));
    assert_eq!(served.handler().rest().calls, "");
}

#[test]
fn the_answer_says_where_a_file_is_unless_there_is_no_room_for_it() {
    let mut served = served();
    for (path, location) in [
        ("/files/a+%C3%A4~b", "/files/a%2B%C3%A4~b"),
        ("/files/.x", "/files/_x"),
    ] {
        let answer = served.ask(&post(path, "", "x"));
        assert_eq!(status(&answer), 201);
        let field = format!("\r\nLocation: {location}\r\n");
        assert!(answer.contains(&field), "{answer}");
    }
    // Three bytes for each in the Location, and 512 for the whole answer.
    let answer = served.ask(&post(&format!("/files/{}", "%20x".repeat(80)), "", "x"));
    assert_eq!(status(&answer), 201);
    assert!(!answer.contains("Location"), "{answer}");
    assert!(answer.ends_with("Stored.\n"), "{answer}");
}

#[test]
fn a_form_that_is_posted_to_a_name_is_a_file_of_that_name() {
    let mut served = served();
    let text = form("other", "hello").replace("POST /files/", "POST /files/mine");
    assert_eq!(status(&served.ask(&text)), 201);
    let file = ("mine".to_owned(), b"hello".to_vec());
    assert_eq!(stored(&served), Some(file));
}

#[test]
fn a_form_is_stored_wherever_its_bytes_are_cut() {
    let mut served = served();
    let text = form("C:\\x\\..name", "he\r\n--bOllo");
    for cut in 0..text.len() {
        let call = served.call(&text, Some(cut));
        let answer = served.answer(call);
        assert_eq!(status(&answer), 303, "cut at {cut}: {answer}");
        assert!(answer.contains("Location: /files/\r\n"), "{answer}");
    }
    let file = ("__name".to_owned(), b"he\r\n--bOllo".to_vec());
    assert_eq!(stored(&served), Some(file));
    assert_eq!(status(&served.ask(&form("e", ""))), 303);
    assert_eq!(stored(&served), Some(("e".to_owned(), Vec::new())));
}

#[test]
fn what_is_refused_leaves_nothing() {
    let mut served = served();
    let type_form = "Content-Type: multipart/form-data; boundary=bOu\r\n";
    let long = "x".repeat(usize::try_from(BYTES_MAX).unwrap() + 1);
    for (text, expected) in [
        (post("/files/x", "", &long), 413),
        (form("x", &long), 413),
        (post("/files/x", "", &"x".repeat(STORE_BYTES + 1)), 507),
        (form("x", &"x".repeat(STORE_BYTES + 1)), 507),
        (post("/files/", "", "x"), 415),
        (post("/files/", type_form, "x"), 400),
        (form("x", "a\r\n--bOu\r\n\r\nb"), 400),
        (post("/files/a/b", "", "x"), 400),
        (post("/files/a%2Fb", "", "x"), 400),
        (post("/files/%ff", "", "x"), 400),
        (
            post("/files/x", "Origin: http://else.example\r\n", "x"),
            403,
        ),
        (post("/files/x", "Origin: null\r\n", "x"), 403),
    ] {
        let answer = served.ask(&text);
        assert_eq!(
            status(&answer),
            expected,
            "{answer} after {:?}",
            text.get(..200)
        );
    }
    let chunked =
        format!("POST /files/x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(status(&served.ask(&chunked)), 411);
    assert_eq!(stored(&served), None);
    assert_eq!(
        served.handler().rest().calls,
        "",
        "the other handler hears of none"
    );
    assert_eq!(status(&served.ask(&request("GET /files/x"))), 404);
    assert_eq!(status(&served.ask(&post("/other/x", "", "x"))), 200);
    assert_eq!(served.handler().rest().calls, "rerbe", "but of these");
}

#[test]
fn our_own_pages_and_those_in_the_list_may_send_files() {
    let mut served = served();
    for origin in ["http://10.0.0.1", "http://friend.example"] {
        let text = post("/files/x", &format!("Origin: {origin}\r\n"), "x");
        assert_eq!(status(&served.ask(&text)), 201, "{origin}");
    }
}

#[test]
fn a_page_of_the_servers_own_name_may_store_only_where_the_name_was_announced() {
    let text = |name: &str| {
        let fields = format!("Origin: http://{name}\r\n");
        post("/files/x", &fields, "x").replace(HOST, &format!("Host: {name}\r\n"))
    };
    let mut announced = named(&["lamp.owned"]);
    assert_eq!(status(&announced.ask(&text("lamp.owned"))), 201);
    // Anybody could lead this name here, and have the page of it.
    let mut any = named(&["*"]);
    assert_eq!(status(&any.ask(&text("rebound.foreign"))), 403);
    assert_eq!(stored(&any), None);
    assert_eq!(status(&any.ask(&text("lamp.lan"))), 201);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_and_the_next_is_stored() {
    let mut served = served();
    let cut = post("/files/cut", "", "hello");
    let cut = &cut[..cut.len() - 2];
    let call = served.call_and_close(cut, cut.len());
    assert_eq!(status(&served.answer(call)), 400);
    let silent = served.call(cut, None);
    assert_eq!(served.net.finish(silent, secs(60)), Ok(()));
    let heard = served.net.app(silent).session().heard();
    assert_eq!(status(&heard), 408);
    assert_eq!(stored(&served), None);
    assert_eq!(status(&served.ask(&post("/files/next", "", "x"))), 201);
}
