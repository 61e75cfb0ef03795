//! URLs and the requests made of them: nothing in either can break out of its line.

use tickwire::http::{Header, Host, Request, Url};

use crate::pieces::Cuts;

/// The URL, the caller's headers and the cuts; 0xff, which is no text, stands between the lines.
pub fn run(data: &[u8]) {
    let Some((bytes, cuts)) = Cuts::split_off(data) else {
        return;
    };
    let mut lines = bytes
        .split(|&byte| byte == 0xff)
        .filter_map(|line| str::from_utf8(line).ok());
    let Some(Ok(url)) = lines.next().map(Url::parse) else {
        return;
    };
    check_url(&url);
    let headers: Vec<_> = lines.filter_map(|line| Header::parse(line).ok()).collect();
    if let Ok(request) = Request::new(&url, &headers) {
        check_request(&url, &headers, &request, cuts);
    }
}

/// What a URL says of itself is a URL again, and the same one.
fn check_url(url: &Url<'_>) {
    let (authority, target) = (url.authority().to_string(), url.target().to_string());
    for text in [&authority, &target] {
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    }
    assert!(target.starts_with('/'));
    assert_ne!(url.port(), 0);
    if let Host::Name(name) = url.host() {
        assert!(
            name.parse::<std::net::IpAddr>().is_err(),
            "{name} is an address"
        );
    }
    let text = format!("http://{authority}{target}");
    let again = Url::parse(&text).expect("it was made of a URL");
    assert_eq!(again.authority().to_string(), authority);
    assert_eq!(again.target().to_string(), target);
    assert_eq!(again.port(), url.port());
}

/// Another parser finds in the request exactly what was put into it.
fn check_request(url: &Url<'_>, headers: &[Header<'_>], request: &Request<'_>, cuts: Cuts) {
    let bytes = request.to_string().into_bytes();
    assert_eq!(request.len(), bytes.len());
    check_pieces(request, &bytes, cuts);

    let mut found = vec![httparse::EMPTY_HEADER; headers.len() + 3];
    let mut parsed = httparse::Request::new(&mut found);
    assert_eq!(
        parsed.parse(&bytes),
        Ok(httparse::Status::Complete(bytes.len()))
    );
    assert_eq!(parsed.method, Some("GET"));
    assert_eq!(parsed.version, Some(0));
    assert_eq!(parsed.path, Some(url.target().to_string().as_str()));
    assert_eq!(parsed.headers[0].name, "Host");
    let is = |header: &Header<'_>, name: &str| header.name.eq_ignore_ascii_case(name);
    if !headers.iter().any(|header| is(header, "Host")) {
        assert_eq!(
            parsed.headers[0].value,
            url.authority().to_string().as_bytes()
        );
    }
    let own = headers.iter().filter(|header| !is(header, "Host"));
    let has_agent = headers.iter().any(|header| is(header, "User-Agent"));
    let ours = 2 + usize::from(!has_agent);
    let sent = &parsed.headers[ours..];
    assert_eq!(sent.len(), own.clone().count());
    for (own, sent) in own.zip(sent) {
        assert_eq!(own.name, sent.name);
        assert_eq!(own.value.trim_matches([' ', '\t']).as_bytes(), sent.value);
    }
}

fn check_pieces(request: &Request<'_>, bytes: &[u8], cuts: Cuts) {
    let mut written = Vec::new();
    for end in cuts.ends(bytes) {
        let mut room = vec![0; end - written.len()];
        assert_eq!(request.write_from(written.len(), &mut room), room.len());
        written.extend(room);
    }
    assert_eq!(written, bytes);
    assert_eq!(request.write_from(bytes.len(), &mut [0]), 0);
}
