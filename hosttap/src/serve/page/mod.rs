//! The page, in the program.

use tickwire::http::server::Asset;

/// All that the page needs.
pub static PAGE: [Asset<'static>; 2] = [
    Asset::new(
        "/",
        "text/html; charset=utf-8",
        include_bytes!("index.html"),
    ),
    Asset::new(
        "/style.css",
        "text/css; charset=utf-8",
        include_bytes!("style.css"),
    ),
];
