//! The methods of requests.

/// What a request asks for (RFC 9110, 9.3; RFC 5789).
///
/// CONNECT and TRACE are no concern of a server like this one: they are answered with 501, as any
/// other method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Method {
    /// GET.
    Get,
    /// HEAD: as GET, and the body of the answer is left out.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
    /// OPTIONS.
    Options,
    /// PATCH.
    Patch,
}

impl Method {
    const ALL: [Self; 7] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Options,
        Self::Patch,
    ];

    /// The method of a request line. Methods are case-sensitive.
    pub(super) fn parse(token: &[u8]) -> Option<Self> {
        let is_it = |method: &Self| method.as_str().as_bytes() == token;
        Self::ALL.into_iter().find(is_it)
    }

    /// As it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
        }
    }
}
