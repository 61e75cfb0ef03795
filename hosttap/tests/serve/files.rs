//! The page and the files.

use std::fs;
use std::os::unix::fs::symlink;

use super::{ADDRESS, Served, curl, status};
use crate::common::{SECONDS_MAX, in_namespace, is_installed, random_bytes, sh};

#[test]
fn curl_gets_the_page_and_knows_it_the_next_time() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    assert!(curl("", "/").contains("<title>tickwire</title>"));
    let head = curl("--head", "/");
    assert!(
        head.contains("Content-Type: text/html; charset=utf-8\r\n"),
        "{head}"
    );
    // Midnight may have come in between.
    let days =
        sh("for day in now yesterday; do date --utc --date $day '+Date: %a, %d %b %Y '; done");
    assert!(days.lines().any(|day| head.contains(day)), "{head}");
    let tags = served.root.path().join("tags");
    let tags = tags.display();
    assert_eq!(status(&format!("--etag-save {tags}"), "/page.css"), "200");
    assert_eq!(
        status(&format!("--etag-compare {tags}"), "/page.css"),
        "304"
    );
    assert_eq!(status("--data x=1", "/"), "405");
    assert_eq!(status("", "/nothing"), "404");
    let two = curl(
        "--write-out '%{num_connects}\\n' --output /dev/null --output /dev/null",
        &format!("/ http://{ADDRESS}/page.css"),
    );
    assert_eq!(two, "1\n0\n", "the second request took the same connection");
    let stderr = served.stop().stderr();
    assert!(
        stderr.contains("8 requests answered, 2 of them with an error"),
        "{stderr}"
    );
}

#[test]
fn curl_gets_a_file_whole_in_parts_and_from_where_it_stopped() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    let bytes = random_bytes(3_000_000);
    served.write("a b%.bin", &bytes);
    let (path, out) = ("/files/a%20b%25.bin", served.root.path().join("out"));
    let get = |options: &str| {
        curl(&format!("{options} --output {}", out.display()), path);
        fs::read(&out).unwrap()
    };
    assert!(get("") == bytes);
    assert!(get("--range 10-19") == bytes[10..20]);
    assert!(get("--range -5") == bytes[bytes.len() - 5..]);
    assert!(get("--range 2999990-") == bytes[2_999_990..]);
    assert_eq!(status("--range 3000000-", path), "416");
    fs::write(&out, &bytes[..1_234_567]).unwrap();
    assert!(get("--continue-at -") == bytes);
    let head = curl("--head", path);
    assert!(head.contains("Content-Length: 3000000\r\n"), "{head}");
    sh(&format!(
        "touch -d @784111777 '{}'",
        served.path("a b%.bin").display()
    ));
    let head = curl("--head", path);
    let modified = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    assert!(head.contains(modified), "{head}");
    assert_eq!(status("--time-cond '6 Nov 1994 08:49:37 GMT'", path), "304");
    assert_eq!(status("--time-cond '6 Nov 1994 08:49:36 GMT'", path), "200");
    served.stop();
}

#[test]
fn our_own_get_goes_on_where_it_stopped() {
    in_namespace!();
    let served = Served::start(&["--gateway", "192.168.69.100"]);
    let bytes = random_bytes(2_000_000);
    served.write("file", &bytes);
    crate::common::create_tap("tap1", 70);
    let out = served.root.path().join("out");
    let out = out.display();
    let get = format!(
        "$hosttap -i tap1 --address 192.168.70.1/24 --gateway 192.168.70.100 \
         get -C -o {out} http://{ADDRESS}/files/file"
    );
    // A file that has just changed has a tag that proves nothing yet.
    sh("echo 1 > /proc/sys/net/ipv4/ip_forward; sleep 3");
    let failed = sh(&format!("{get} --max-size 1000000 2>&1 || echo $?"));
    assert!(failed.ends_with("63\n"), "{failed}");
    sh(&format!("{get} --max-size 3000000"));
    assert!(fs::read(served.root.path().join("out")).unwrap() == bytes);
    served.stop();
}

#[test]
fn names_lead_nowhere_but_into_the_folder() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    served.write("file", b"file\n");
    served.write(".hidden", b"hidden\n");
    fs::create_dir(served.path("sub")).unwrap();
    served.write("sub/below", b"below\n");
    symlink("file", served.path("inside")).unwrap();
    symlink("../outside/secret", served.path("outside")).unwrap();
    symlink("/etc/passwd", served.path("absolute")).unwrap();
    symlink("../outside", served.path("folder")).unwrap();
    symlink("/proc/self/root", served.path("magic")).unwrap();
    sh(&format!("mkfifo {}", served.path("fifo").display()));
    for name in ["file", "inside", "sub/below", "", "sub/"] {
        assert_eq!(status("", &format!("/files/{name}")), "200", "{name}");
    }
    for name in [
        "outside",
        "absolute",
        "folder/secret",
        "folder/",
        "magic/etc/passwd",
        "../outside/secret",
        "%2e%2e/outside/secret",
        "%2E%2E%2Foutside%2Fsecret",
        "sub/../file",
        "sub/..%2f..%2foutside/secret",
        "..",
        ".",
        ".hidden",
        "sub/.",
        "/file",
        "sub//below",
        "%2Fetc%2Fpasswd",
        "file/",
        "file%00",
        "file%00.txt",
        "fil%65%",
        "file%zz",
        "fifo",
        "nothing",
    ] {
        assert_eq!(status("", &format!("/files/{name}")), "404", "{name}");
    }
    assert_eq!(status("", "/files/sub"), "308");
    let listing = curl("", "/files/");
    for shown in ["\"./file\"", "\"./inside\"", "\"./sub/\""] {
        assert!(listing.contains(shown), "{listing}");
    }
    for hidden in [".hidden", "outside", "absolute", "folder", "magic", "fifo"] {
        assert!(!listing.contains(hidden), "{hidden} in {listing}");
    }
    assert!(curl("", "/files/sub/").contains("<a href=\"../\">..</a>"));
    served.stop();
}

#[test]
fn a_folder_that_is_none_is_said_at_the_start() {
    in_namespace!();
    let output = sh("$hosttap serve --dir /dev/null 2>&1 || echo $?");
    assert_eq!(output, "hosttap: /dev/null: Not a directory\n26\n");
}

#[test]
fn pages_and_lines_cannot_have_one_port() {
    in_namespace!();
    for ports in ["--lines 80", "--lines http", "--port 1002 --lines 1002"] {
        let output = sh(&format!("$hosttap serve --hub {ports} 2>&1 || echo $?"));
        assert!(output.ends_with("(--port)\n2\n"), "{output}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_ends_in_rst() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    served.write("file", &random_bytes(8_000_000));
    let path = served.path("file");
    let out = served.root.path().join("out");
    let out = out.display();
    let output = sh(&format!(
        "curl --silent --output {out} --limit-rate 2M http://{ADDRESS}/files/file & pid=$!
         until [ -s {out} ]; do kill -0 $pid; sleep 0.01; done
         echo more >> {}; wait $pid || echo $?",
        path.display()
    ));
    assert_eq!(output, "56\n");
    let stderr = served.stop().stderr();
    assert!(stderr.contains("1 connections failed"), "{stderr}");
}

#[test]
fn a_name_that_was_not_announced_reads_no_file() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&["--upload", "--host", "lamp.owned", "--host", "files.owned"]);
    served.write("file", b"secret\n");
    let rebound = "--header 'Host: rebound.foreign'";
    assert_eq!(status(rebound, "/files/file"), "421");
    let answer = curl(rebound, "/files/file");
    assert!(answer.contains("does not go by the name"), "{answer}");
    let page = "--data x --header 'Origin: http://rebound.foreign'";
    assert_eq!(status(&format!("{rebound} {page}"), "/files/x"), "421");
    let named = "--resolve lamp.owned:80:192.168.69.1 --resolve files.owned:80:192.168.69.1";
    for name in ["lamp.owned", "files.owned"] {
        let url = format!("http://{name}/files/");
        let get = sh(&format!(
            "curl --silent --max-time {SECONDS_MAX} {named} {url}file"
        ));
        assert_eq!(get, "secret\n");
        let post = format!("curl --silent --max-time {SECONDS_MAX} {named} {url}{name} --data x");
        let own = sh(&format!("{post} --header 'Origin: http://{name}'"));
        assert_eq!(own, "Stored.\n", "its own page");
        let other = sh(&format!("{post} --header 'Origin: http://rebound.foreign'"));
        assert_eq!(other, "Not from this page.\n");
    }
    for host in [
        "Host: localhost",
        "Host: tickwire.local",
        "Host: [fe80::1]:80",
        "Host: lamp",
    ] {
        assert_eq!(
            status(&format!("--header '{host}'"), "/files/file"),
            "200",
            "{host}"
        );
    }
    let stderr = served.stop().stderr();
    let told = "A request for another name was refused; see --host\n";
    assert_eq!(stderr.matches(told).count(), 1, "{stderr}");
}

#[test]
fn a_folder_keeps_its_query_and_says_what_may_be_done_with_it() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    fs::create_dir(served.path("sub")).unwrap();
    for (path, location) in [
        ("/files/sub", "/files/sub/"),
        ("/files/sub?a=b?c", "/files/sub/?a=b?c"),
        ("/files/sub?", "/files/sub/?"),
        ("/files", "/files/"),
    ] {
        let head = curl("--head", &format!("'{path}'"));
        assert!(
            head.contains(&format!("Location: {location}\r\n")),
            "{head}"
        );
    }
    let refused = |served: Served| {
        let head = curl("--request DELETE --include", "/files/sub/");
        served.stop();
        head
    };
    assert!(refused(served).contains("Allow: GET, HEAD\r\n"));
    let served = Served::start(&["--upload"]);
    assert!(refused(served).contains("Allow: GET, HEAD, POST\r\n"));
}

#[test]
fn names_that_are_not_shown_count_for_the_length_of_a_listing() {
    in_namespace!();
    if !is_installed("curl") {
        return;
    }
    let served = Served::start(&[]);
    for index in 0..2_500 {
        fs::write(served.path(&format!(".{index}")), b"").unwrap();
    }
    let listing = curl("", "/files/");
    assert!(
        listing.contains("Only the first 2000 names are looked at."),
        "{listing}"
    );
    served.stop();
}
