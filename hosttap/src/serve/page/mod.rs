//! The pages, in the program.

use tickwire::http::server::Asset;

/// All that a page without a hub needs.
static PLAIN: [Asset<'static>; 3] = [
    html(concat!(
        include_str!("head.html"),
        include_str!("plain.html")
    )),
    STYLE,
    ICON,
];

/// All that the page needs in which people talk.
static ROOM: [Asset<'static>; 4] = [
    html(concat!(
        include_str!("head.html"),
        include_str!("room.html")
    )),
    STYLE,
    ICON,
    Asset::new(
        "/page.js",
        "text/javascript; charset=utf-8",
        include_bytes!("page.js"),
    ),
];

const STYLE: Asset<'static> = Asset::new(
    "/page.css",
    "text/css; charset=utf-8",
    include_bytes!("page.css"),
);

const ICON: Asset<'static> = Asset::new("/icon.svg", "image/svg+xml", include_bytes!("icon.svg"));

const fn html(page: &'static str) -> Asset<'static> {
    Asset::new("/", "text/html; charset=utf-8", page.as_bytes())
}

/// The page and what it needs, with a hub behind it or without.
pub fn assets(has_hub: bool) -> &'static [Asset<'static>] {
    if has_hub { &ROOM } else { &PLAIN }
}
