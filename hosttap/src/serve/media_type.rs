//! Media types by the ends of names.

/// The type of a file of this name. What is not known is bytes: a browser saves it.
pub(super) fn of(name: &[u8]) -> &'static str {
    let dot = name.iter().rposition(|&byte| byte == b'.');
    let end = dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    let is_one_of = |(ends, _): &&(&[&str], _)| {
        ends.iter()
            .any(|known| end.eq_ignore_ascii_case(known.as_bytes()))
    };
    TYPES
        .iter()
        .find(is_one_of)
        .map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Text is UTF-8 unless it says something else itself.
const TYPES: &[(&[&str], &str)] = &[
    (&["html", "htm"], "text/html; charset=utf-8"),
    (
        &["txt", "log", "md", "rs", "toml"],
        "text/plain; charset=utf-8",
    ),
    (&["css"], "text/css; charset=utf-8"),
    (&["csv"], "text/csv; charset=utf-8"),
    (&["js", "mjs"], "text/javascript; charset=utf-8"),
    (&["json"], "application/json"),
    (&["xml"], "application/xml"),
    (&["pdf"], "application/pdf"),
    (&["wasm"], "application/wasm"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["svg"], "image/svg+xml"),
    (&["ico"], "image/x-icon"),
    (&["mp3"], "audio/mpeg"),
    (&["wav"], "audio/wav"),
    (&["mp4"], "video/mp4"),
    (&["webm"], "video/webm"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_end_of_a_name_decides_and_case_does_not_count() {
        assert_eq!(of(b"a.tar.GZ"), "application/gzip");
        assert_eq!(of(b"a.txt"), "text/plain; charset=utf-8");
        for name in [&b"html"[..], b"a.", b"a.html.bin", b"", b"a.\xff"] {
            assert_eq!(of(name), "application/octet-stream", "{name:?}");
        }
    }
}
