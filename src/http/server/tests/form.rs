//! Forms with a file.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::http::server::form::{Form, NotOneFile};

const TYPE: &str = "multipart/form-data; boundary=xYz";

fn form(name: &str, file: &str) -> String {
    format!(
        "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/plain\r\n\r\n{file}\r\n--xYz--\r\n"
    )
}

/// Name and bytes of the file of a form, which is read in these pieces.
fn read(content_type: &str, body: &str, cuts: &[usize]) -> Result<(String, Vec<u8>), NotOneFile> {
    let body = body.as_bytes();
    let mut form = Form::new(content_type.as_bytes()).ok_or(NotOneFile)?;
    let (mut name, mut file, mut left) = (None, Vec::new(), 0);
    let mut start = 0;
    for &end in cuts.iter().chain([&body.len()]) {
        let mut piece = &body[start..end];
        start = end;
        if name.is_none() {
            let (taken, is_complete) = form.read_head(piece)?;
            piece = &piece[taken..];
            if is_complete {
                name = Some(form.name()?.to_string());
                left = usize::try_from(form.file_length(body.len() as u64)?).unwrap();
            }
        }
        let (of_file, after) = piece.split_at(left.min(piece.len()));
        form.check_file(of_file)?;
        left -= of_file.len();
        file.extend_from_slice(of_file);
        if name.is_some() && left == 0 {
            form.read_tail(after)?;
        }
    }
    let name = name.filter(|_| form.is_complete()).ok_or(NotOneFile)?;
    Ok((name, file))
}

/// The same at every cut and byte by byte.
#[track_caller]
fn outcome(content_type: &str, body: &str) -> Result<(String, Vec<u8>), NotOneFile> {
    let whole = read(content_type, body, &[]);
    for cut in 0..body.len() {
        assert_eq!(read(content_type, body, &[cut]), whole, "{body:?} at {cut}");
    }
    let all: Vec<usize> = (0..body.len()).collect();
    assert_eq!(read(content_type, body, &all), whole, "{body:?}");
    whole
}

#[test]
fn the_file_of_a_form_is_found_wherever_it_is_cut() {
    for file in [
        "",
        "x",
        "\r\n",
        "--xYz",
        "\r\n--xY",
        "\r\r\n--xY\r\n--x",
        "a\r\n--xyz--\r\nb",
    ] {
        let found = outcome(TYPE, &form("a b.txt", file));
        assert_eq!(
            found,
            Ok(("a b.txt".to_string(), file.as_bytes().to_vec())),
            "{file:?}"
        );
    }
    let quoted = "Multipart/Form-Data; charset=utf-8 ; BOUNDARY=\"xYz\"";
    assert!(outcome(quoted, &form("ü/..\\%22", "x")).is_ok());
}

#[test]
fn a_form_that_is_not_one_file_is_refused() {
    let good = form("a", "x");
    for bad in [
        good.replace("; filename=\"a\"", ""),
        good.replace("form-data; name", "attachment; name"),
        good.replace("filename", "filename*"),
        good.replacen("--xYz", "--other", 1),
        good.replacen("--xYz", "\r\n--xYz", 1),
        good.replace("--xYz--\r\n", "--xYz--"),
        good.replace("--xYz--", "--xYz"),
        good.replace("\r\n--xYz--", "--xYz--"),
        format!("{good}more"),
        format!("{}--xYz--\r\n", good.replace("--xYz--\r\n", "--xYz\r\n")),
        form("a", "x\r\n--xYz\r\nA: b\r\n\r\nsecond"),
        good[..good.len() - 1].to_string(),
        good[..30].to_string(),
        form(&"a".repeat(500), "x"),
        String::new(),
    ] {
        assert_eq!(outcome(TYPE, &bad), Err(NotOneFile), "{bad:?}");
    }
}

#[test]
fn a_type_without_a_sound_boundary_is_no_form() {
    for content_type in [
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data;x",
        "multipart/form-data; boundary=a\tb",
    ] {
        assert!(
            Form::new(content_type.as_bytes()).is_none(),
            "{content_type}"
        );
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    assert!(Form::new(long.as_bytes()).is_none());
}
