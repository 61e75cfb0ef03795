//! Files that curl sends.

use std::fs;

use super::{ADDRESS, Served, curl, status};
use crate::common::{in_namespace, is_installed, random_bytes, sh};

#[test]
fn curl_posts_files_as_they_are_and_as_forms() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&["--upload"]);
    let bytes = random_bytes(3_000_000);
    let local = served.root.path().join("local file");
    fs::write(&local, &bytes).unwrap();
    let local = local.display();
    // Above a megabyte curl waits for `100 Continue`.
    let raw = format!("--data-binary '@{local}' --header 'Content-Type:'");
    assert_eq!(status(&raw, "/files/raw%20name"), "201");
    let form = format!("--form 'file=@\"{local}\"' --location");
    assert_eq!(
        status(&form, "/files/"),
        "200",
        "the listing, after the form"
    );
    // A name that is taken is numbered.
    assert_eq!(
        status(&format!("--form 'file=@\"{local}\"'"), "/files/"),
        "303"
    );
    for name in ["raw name", "local file", "local file (1)"] {
        assert!(fs::read(served.path(name)).unwrap() == bytes, "{name}");
    }
    let listing = curl("", "/files/");
    assert!(listing.contains("local%20file%20%281%29"), "{listing}");
    assert!(listing.contains("<form method=\"post\""), "{listing}");
    let answer = curl("--data y --include", "/files/local%20file");
    let location = "\r\nLocation: /files/local%20file%20%282%29\r\n";
    assert!(answer.contains(location), "{answer}");
    let hostile = "--data x --header 'Origin: http://else.example'";
    assert_eq!(status(hostile, "/files/hostile"), "403");
    assert_eq!(status("--data x", "/files/..%2Fescaped"), "400");
    assert_eq!(status("--data x", "/files/.hidden"), "201");
    assert_eq!(fs::read(served.path("_hidden")).unwrap(), b"x");
    assert_eq!(
        fs::read_dir(served.root.path()).unwrap().count(),
        3,
        "served, outside, local"
    );
    served.stop();
}

#[test]
fn an_upload_that_is_too_large_or_breaks_off_leaves_nothing() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&["--upload", "--max-size", "1000000"]);
    let local = served.root.path().join("local");
    fs::write(&local, random_bytes(1_000_001)).unwrap();
    let local = local.display();
    assert_eq!(
        status(&format!("--data-binary @{local}"), "/files/large"),
        "413"
    );
    let cut = sh(&format!(
        "head -c 900000 {local} | timeout 2 curl --silent --limit-rate 200k --header 'Content-Length: 900000' \
         --header 'Transfer-Encoding:' --data-binary @- http://{ADDRESS}/files/cut || echo $?"
    ));
    assert_eq!(cut, "124\n");
    // It has broken off, and its end is followed by the next.
    assert_eq!(status("--data x", "/files/small"), "201");
    // What had come is removed in the background.
    let folder = served.path("");
    sh(&format!(
        "n=0; while ls -A {} | grep -q part && [ $n -lt 3000 ]; do sleep 0.1; n=$((n + 1)); done",
        folder.display()
    ));
    let mut names: Vec<_> = fs::read_dir(served.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".tickwire-finished")
        .collect();
    names.sort();
    assert_eq!(names, ["small"]);
    served.stop();
}

#[test]
fn nothing_is_taken_unless_it_is_asked_for() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    assert_eq!(status("--data x", "/files/x"), "405");
    assert_eq!(status("--form a=b", "/files/"), "405");
    assert!(!curl("", "/files/").contains("<form"));
    assert!(fs::read_dir(served.path("")).unwrap().next().is_none());
    served.stop();
}
