//! Files that change, and how a server lies about them.

use tickwire_sim::Generator;

/// The places that have a file each. Redirects lead from one to another.
pub(super) const PATHS: u64 = 3;
/// The longest file, in bytes.
const LENGTH_MAX: u64 = 20_000;

/// All files of a server.
#[derive(Debug)]
pub(super) struct Files {
    random: Generator,
    /// The present version at each path.
    versions: [u64; PATHS as usize],
    /// Nothing changes any more, and nothing is a lie.
    pub(super) is_honest: bool,
    /// How many answers were no plain and honest ones.
    pub(super) lies: u64,
}

/// The bytes of one version of one file. They begin with both numbers.
pub(super) fn content(path: u64, version: u64) -> Vec<u8> {
    // The same version has the same length everywhere, so that only its URL tells it apart.
    let length = Generator::new(version).log_uniform(1, LENGTH_MAX);
    let mut random = Generator::new(path << 32 | version);
    let mut bytes: Vec<u8> = [path.to_le_bytes(), version.to_le_bytes()].concat();
    bytes.extend((0..length).map(|_| random.u64() as u8));
    bytes
}

/// A request, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) path: u64,
    pub(super) first: Option<u64>,
    pub(super) validator: Option<String>,
}

impl Asked {
    /// Parses a whole head.
    pub(super) fn parse(head: &str) -> Self {
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let path = head
            .split(' ')
            .nth(1)
            .and_then(|path| path.strip_prefix('/'));
        Self {
            path: path.and_then(|path| path.parse().ok()).unwrap_or(0) % PATHS,
            first: field("Range: bytes=")
                .and_then(|range| range.strip_suffix('-'))
                .and_then(|first| first.parse().ok()),
            validator: field("If-Range: ").map(str::to_owned),
        }
    }
}

/// What a server says, and how its connection ends.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) ends_by_reset: bool,
}

impl Files {
    pub(super) fn new(random: Generator) -> Self {
        Self {
            random,
            versions: [0; PATHS as usize],
            is_honest: false,
            lies: 0,
        }
    }

    /// The answer to a request; the file may have changed just before.
    pub(super) fn answer(&mut self, asked: &Asked) -> Answer {
        if self.is_honest {
            return Answer {
                bytes: self.honest(asked, Etag::Strong),
                ends_by_reset: false,
            };
        }
        if self.random.chance(250_000) {
            let version = self.versions.get_mut(asked.path as usize);
            *version.expect("the path is one of ours") += 1;
        }
        let etag = match self.random.below(8) {
            0 => Etag::Weak,
            1 => Etag::Nothing,
            2 => Etag::Twice,
            _ => Etag::Strong,
        };
        let bytes = match self.random.below(12) {
            0 => self.lie(asked),
            1 => self.redirect(),
            2 => b"HTTP/1.0 503 Busy\r\nRetry-After: 3\r\n\r\n".to_vec(),
            3 => self.unsatisfied(asked),
            4 => self.honest(
                &Asked {
                    first: None,
                    validator: None,
                    ..*asked
                },
                etag,
            ),
            5 => b"nonsense\r\n\r\n".to_vec(),
            _ => self.honest(asked, etag),
        };
        self.cut(bytes)
    }

    fn version(&self, path: u64) -> u64 {
        self.versions.get(path as usize).copied().unwrap_or(0)
    }

    /// As RFC 9110 wants it: If-Range is compared strongly.
    fn honest(&self, asked: &Asked, etag: Etag) -> Vec<u8> {
        let version = self.version(asked.path);
        let body = content(asked.path, version);
        let total = body.len() as u64;
        let strong = format!("\"{version}\"");
        let is_same = etag == Etag::Strong && asked.validator.as_deref() == Some(&strong);
        let fields = etag.fields(version);
        match asked.first.filter(|_| is_same) {
            Some(first) if first >= total => {
                format!("HTTP/1.1 416 x\r\nContent-Range: bytes */{total}\r\n{fields}\r\n").into()
            }
            Some(first) => part(&body, first, total, &fields),
            None => {
                let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {total}\r\n\r\n");
                [head.as_bytes(), &body].concat()
            }
        }
    }

    /// A 206 of another part, of another total, or of another file, all of which can be seen.
    fn lie(&mut self, asked: &Asked) -> Vec<u8> {
        self.lies += 1;
        let version = self.version(asked.path);
        let body = content(asked.path, version);
        let total = body.len() as u64;
        let asked_first = asked.first.unwrap_or(0);
        match self.random.below(3) {
            0 => {
                let first = self.random.below(total);
                let first = if first == asked_first {
                    (first + 1) % total
                } else {
                    first
                };
                part(&body, first, total, "")
            }
            1 => part(
                &body,
                asked_first.min(total - 1),
                total + 1,
                "ETag: \"other\"\r\n",
            ),
            _ => {
                // Of the same length.
                let mut other = content(asked.path, version + 1_000);
                other.resize(body.len(), 0);
                part(
                    &other,
                    asked_first.min(total - 1),
                    total,
                    "ETag: \"other\"\r\n",
                )
            }
        }
    }

    fn redirect(&mut self) -> Vec<u8> {
        self.lies += 1;
        let path = self.random.below(PATHS);
        let status = if self.random.chance(500_000) {
            302
        } else {
            301
        };
        format!("HTTP/1.0 {status} x\r\nLocation: /{path}\r\nContent-Length: 0\r\n\r\n").into()
    }

    /// A 416, often with the number of bytes that the client holds as the total: the client knows
    /// better, for every whole answer has told it.
    fn unsatisfied(&mut self, asked: &Asked) -> Vec<u8> {
        self.lies += 1;
        let other = self.random.below(LENGTH_MAX);
        let total = asked
            .first
            .filter(|_| self.random.chance(500_000))
            .unwrap_or(other);
        format!("HTTP/1.1 416 x\r\nContent-Range: bytes */{total}\r\n\r\n").into()
    }

    fn cut(&mut self, mut bytes: Vec<u8>) -> Answer {
        if self.random.chance(500_000) {
            bytes.truncate(self.random.below(bytes.len() as u64) as usize);
        }
        Answer {
            bytes,
            ends_by_reset: self.random.chance(200_000),
        }
    }

    /// Whether these are the first bytes of a version that some path has or had.
    pub(super) fn is_prefix_of_one(&self, bytes: &[u8]) -> bool {
        match whose(bytes) {
            Some((path, version)) => content(path, version).starts_with(bytes),
            None => true,
        }
    }

    /// Whether these are all bytes of the present version of some path.
    pub(super) fn is_whole(&self, bytes: &[u8]) -> bool {
        whose(bytes).is_some_and(|(path, version)| content(path, version) == bytes)
    }
}

/// Path and version of a file, from its first bytes.
fn whose(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    Some((number(0)?, number(8)?))
}

fn part(body: &[u8], first: u64, total: u64, fields: &str) -> Vec<u8> {
    let rest = body.get(first as usize..).unwrap_or_default();
    let last = body.len() - 1;
    let head =
        format!("HTTP/1.1 206 x\r\nContent-Range: bytes {first}-{last}/{total}\r\n{fields}\r\n");
    [head.as_bytes(), rest].concat()
}

/// What an answer says of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Etag {
    Strong,
    Weak,
    Twice,
    Nothing,
}

impl Etag {
    /// Two paths give the same entity tags to different files, as servers may (RFC 9110, 8.8.3).
    fn fields(self, version: u64) -> String {
        let strong = format!("ETag: \"{version}\"\r\n");
        match self {
            Self::Strong => strong,
            Self::Weak => format!("ETag: W/\"{version}\"\r\n"),
            Self::Twice => format!("{strong}ETag: \"x\"\r\n"),
            Self::Nothing => String::new(),
        }
    }
}
