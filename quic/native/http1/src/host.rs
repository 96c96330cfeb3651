//! `uri-host [ ":" port ]`, as in the Host field (RFC 9110 section 7.2) and in the authority of a
//! request-target.

use std::net::Ipv6Addr;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Authority<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// `None` for what the grammar does not have, and for an empty host, which RFC 9110 section
    /// 4.2.1 calls invalid in an http URI. Userinfo is not part of it (section 4.2.4).
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                let port = if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':')?)
                };
                (&text[..address.len() + 2], port)
            }
            None => {
                let (host, port) = match text.split_once(':') {
                    Some((host, port)) => (host, Some(port)),
                    None => (text, None),
                };
                if !registered_name(host.as_bytes()) {
                    return None;
                }
                (host, port)
            }
        };
        let port = match port {
            // RFC 3986 section 3.2.3: the port may be empty, which means the default.
            None | Some("") => None,
            Some(digits) if digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Self { host, port })
    }

    /// Whether both name the same place, when a missing port means `default_port`.
    pub(crate) fn same(&self, other: &Authority<'_>, default_port: Option<u16>) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.or(default_port) == other.port.or(default_port)
    }
}

/// RFC 3986 section 3.2.2, not empty.
fn registered_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                tail
            }
            (b'-' | b'.' | b'_' | b'~', _) => tail,
            (b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=', _) => {
                tail
            }
            (byte, _) if byte.is_ascii_alphanumeric() => tail,
            _ => return false,
        };
    }
    !name.is_empty()
}
