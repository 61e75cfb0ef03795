//! Writes the messages of a name server, right ones and others.

/// Record types.
pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const AAAA: u16 = 28;
/// Response codes.
pub(crate) const SERVFAIL: u8 = 2;
pub(crate) const NXDOMAIN: u8 = 3;
pub(crate) const REFUSED: u8 = 5;

/// A response to one question.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
}

/// A name in its wire form, whatever its text.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// The name that a query asks for, in lower case, and its type.
pub(crate) fn asked(query: &[u8]) -> (String, u16) {
    let mut at = 12;
    let mut name = String::new();
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        name += std::str::from_utf8(&query[at + 1..end]).unwrap();
        name.push('.');
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    (name.trim_end_matches('.').to_ascii_lowercase(), kind)
}

impl Reply {
    /// A response to `query` without records, from a server that searches.
    pub(crate) fn to(query: &[u8]) -> Self {
        let mut bytes = query.to_vec();
        bytes[2] = 0x81;
        bytes[3] = 0x80;
        Self { bytes }
    }

    pub(crate) fn code(mut self, code: u8) -> Self {
        self.bytes[3] |= code;
        self
    }

    pub(crate) fn truncated(mut self) -> Self {
        self.bytes[2] |= 2;
        self
    }

    /// Adds a record to the section that the word `section` of the header counts.
    fn record(mut self, section: usize, name: &str, kind: u16, ttl_secs: u32, data: &[u8]) -> Self {
        self.bytes[section * 2 + 1] += 1;
        self.bytes.extend(wire(name));
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend([0, 1]);
        self.bytes.extend(ttl_secs.to_be_bytes());
        self.bytes
            .extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        self.bytes.extend(data);
        self
    }

    pub(crate) fn answer(self, name: &str, kind: u16, ttl_secs: u32, data: &[u8]) -> Self {
        self.record(3, name, kind, ttl_secs, data)
    }

    pub(crate) fn a(self, name: &str, ttl_secs: u32, address: [u8; 4]) -> Self {
        self.answer(name, A, ttl_secs, &address)
    }

    pub(crate) fn cname(self, name: &str, ttl_secs: u32, target: &str) -> Self {
        self.answer(name, CNAME, ttl_secs, &wire(target))
    }

    pub(crate) fn soa(self, name: &str, ttl_secs: u32, minimum_secs: u32) -> Self {
        let mut data = [wire("ns"), wire("mail")].concat();
        data.extend([0; 16]);
        data.extend(minimum_secs.to_be_bytes());
        self.record(4, name, SOA, ttl_secs, &data)
    }

    pub(crate) fn ns(self, name: &str, server: &str) -> Self {
        self.record(4, name, NS, 60, &wire(server))
    }
}
