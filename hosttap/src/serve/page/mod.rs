//! The pages, in the program.

use tickwire::http::server::Asset;

/// The page without a hub.
const PLAIN: &str = concat!(include_str!("head.html"), include_str!("plain.html"));

/// The page in which people talk.
const ROOM: &str = concat!(include_str!("head.html"), include_str!("room.html"));

/// What a line of a page has that leads to the files of a folder.
const LINK_TO_FILES: &str = "<a href=\"/files/\">";

const STYLE: Asset<'static> = Asset::new(
    "/page.css",
    "text/css; charset=utf-8",
    include_bytes!("page.css"),
);

const ICON: Asset<'static> = Asset::new("/icon.svg", "image/svg+xml", include_bytes!("icon.svg"));

const SCRIPT: Asset<'static> = Asset::new(
    "/page.js",
    "text/javascript; charset=utf-8",
    include_bytes!("page.js"),
);

/// The page and what it needs, with a hub behind it or without. They live as long as the program.
pub fn assets(has_hub: bool, has_files: bool) -> &'static [Asset<'static>] {
    let page = if has_hub { ROOM } else { PLAIN };
    let is_shown = |line: &&str| has_files || !line.contains(LINK_TO_FILES);
    let lines = page.split_inclusive('\n').filter(is_shown);
    let page = lines.collect::<String>().leak();
    let html = Asset::new("/", "text/html; charset=utf-8", page.as_bytes());
    let mut assets = vec![html, STYLE, ICON];
    if has_hub {
        assets.push(SCRIPT);
    }
    assets.leak()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_the_files_only_where_there_are_any() {
        for page in [PLAIN, ROOM] {
            let lines = page.lines().filter(|line| line.contains(LINK_TO_FILES));
            assert_eq!(lines.count(), 1, "{page}");
        }
        assert_eq!(assets(false, true).len(), 3);
        assert_eq!(assets(true, false).len(), 4, "and the script");
    }
}
