//! The static table, RFC 9204 appendix A.

use http::{HeaderName, HeaderValue};

#[derive(Debug)]
pub struct Entry {
    pub name: &'static str,
    /// None for a pseudo-header field, which is not a header name.
    pub header: Option<HeaderName>,
    pub value: HeaderValue,
}

const fn pseudo(name: &'static str, value: &'static str) -> Entry {
    Entry {
        name,
        header: None,
        value: HeaderValue::from_static(value),
    }
}

const fn field(name: &'static str, value: &'static str) -> Entry {
    Entry {
        name,
        header: Some(HeaderName::from_static(name)),
        value: HeaderValue::from_static(value),
    }
}

/// How a field can lean on the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Field(u8),
    Name(u8),
    Nothing,
}

pub fn get(index: u64) -> Option<&'static Entry> {
    TABLE.get(usize::try_from(index).ok()?)
}

pub fn find(name: &str, value: &[u8]) -> Found {
    let indexes = indexes(name);
    for index in indexes {
        if TABLE[usize::from(*index)].value.as_bytes() == value {
            return Found::Field(*index);
        }
    }
    indexes
        .first()
        .map_or(Found::Nothing, |index| Found::Name(*index))
}

/// The entries that have this name.
fn indexes(name: &str) -> &'static [u8] {
    match name {
        ":authority" => &[0],
        ":path" => &[1],
        "age" => &[2],
        "content-disposition" => &[3],
        "content-length" => &[4],
        "cookie" => &[5],
        "date" => &[6],
        "etag" => &[7],
        "if-modified-since" => &[8],
        "if-none-match" => &[9],
        "last-modified" => &[10],
        "link" => &[11],
        "location" => &[12],
        "referer" => &[13],
        "set-cookie" => &[14],
        ":method" => &[15, 16, 17, 18, 19, 20, 21],
        ":scheme" => &[22, 23],
        ":status" => &[24, 25, 26, 27, 28, 63, 64, 65, 66, 67, 68, 69, 70, 71],
        "accept" => &[29, 30],
        "accept-encoding" => &[31],
        "accept-ranges" => &[32],
        "access-control-allow-headers" => &[33, 34, 75],
        "access-control-allow-origin" => &[35],
        "cache-control" => &[36, 37, 38, 39, 40, 41],
        "content-encoding" => &[42, 43],
        "content-type" => &[44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54],
        "range" => &[55],
        "strict-transport-security" => &[56, 57, 58],
        "vary" => &[59, 60],
        "x-content-type-options" => &[61],
        "x-xss-protection" => &[62],
        "accept-language" => &[72],
        "access-control-allow-credentials" => &[73, 74],
        "access-control-allow-methods" => &[76, 77, 78],
        "access-control-expose-headers" => &[79],
        "access-control-request-headers" => &[80],
        "access-control-request-method" => &[81, 82],
        "alt-svc" => &[83],
        "authorization" => &[84],
        "content-security-policy" => &[85],
        "early-data" => &[86],
        "expect-ct" => &[87],
        "forwarded" => &[88],
        "if-range" => &[89],
        "origin" => &[90],
        "purpose" => &[91],
        "server" => &[92],
        "timing-allow-origin" => &[93],
        "upgrade-insecure-requests" => &[94],
        "user-agent" => &[95],
        "x-forwarded-for" => &[96],
        "x-frame-options" => &[97, 98],
        _ => &[],
    }
}

static TABLE: [Entry; 99] = [
    pseudo(":authority", ""),
    pseudo(":path", "/"),
    field("age", "0"),
    field("content-disposition", ""),
    field("content-length", "0"),
    field("cookie", ""),
    field("date", ""),
    field("etag", ""),
    field("if-modified-since", ""),
    field("if-none-match", ""),
    field("last-modified", ""),
    field("link", ""),
    field("location", ""),
    field("referer", ""),
    field("set-cookie", ""),
    pseudo(":method", "CONNECT"),
    pseudo(":method", "DELETE"),
    pseudo(":method", "GET"),
    pseudo(":method", "HEAD"),
    pseudo(":method", "OPTIONS"),
    pseudo(":method", "POST"),
    pseudo(":method", "PUT"),
    pseudo(":scheme", "http"),
    pseudo(":scheme", "https"),
    pseudo(":status", "103"),
    pseudo(":status", "200"),
    pseudo(":status", "304"),
    pseudo(":status", "404"),
    pseudo(":status", "503"),
    field("accept", "*/*"),
    field("accept", "application/dns-message"),
    field("accept-encoding", "gzip, deflate, br"),
    field("accept-ranges", "bytes"),
    field("access-control-allow-headers", "cache-control"),
    field("access-control-allow-headers", "content-type"),
    field("access-control-allow-origin", "*"),
    field("cache-control", "max-age=0"),
    field("cache-control", "max-age=2592000"),
    field("cache-control", "max-age=604800"),
    field("cache-control", "no-cache"),
    field("cache-control", "no-store"),
    field("cache-control", "public, max-age=31536000"),
    field("content-encoding", "br"),
    field("content-encoding", "gzip"),
    field("content-type", "application/dns-message"),
    field("content-type", "application/javascript"),
    field("content-type", "application/json"),
    field("content-type", "application/x-www-form-urlencoded"),
    field("content-type", "image/gif"),
    field("content-type", "image/jpeg"),
    field("content-type", "image/png"),
    field("content-type", "text/css"),
    field("content-type", "text/html; charset=utf-8"),
    field("content-type", "text/plain"),
    field("content-type", "text/plain;charset=utf-8"),
    field("range", "bytes=0-"),
    field("strict-transport-security", "max-age=31536000"),
    field(
        "strict-transport-security",
        "max-age=31536000; includesubdomains",
    ),
    field(
        "strict-transport-security",
        "max-age=31536000; includesubdomains; preload",
    ),
    field("vary", "accept-encoding"),
    field("vary", "origin"),
    field("x-content-type-options", "nosniff"),
    field("x-xss-protection", "1; mode=block"),
    pseudo(":status", "100"),
    pseudo(":status", "204"),
    pseudo(":status", "206"),
    pseudo(":status", "302"),
    pseudo(":status", "400"),
    pseudo(":status", "403"),
    pseudo(":status", "421"),
    pseudo(":status", "425"),
    pseudo(":status", "500"),
    field("accept-language", ""),
    field("access-control-allow-credentials", "FALSE"),
    field("access-control-allow-credentials", "TRUE"),
    field("access-control-allow-headers", "*"),
    field("access-control-allow-methods", "get"),
    field("access-control-allow-methods", "get, post, options"),
    field("access-control-allow-methods", "options"),
    field("access-control-expose-headers", "content-length"),
    field("access-control-request-headers", "content-type"),
    field("access-control-request-method", "get"),
    field("access-control-request-method", "post"),
    field("alt-svc", "clear"),
    field("authorization", ""),
    field(
        "content-security-policy",
        "script-src 'none'; object-src 'none'; base-uri 'none'",
    ),
    field("early-data", "1"),
    field("expect-ct", ""),
    field("forwarded", ""),
    field("if-range", ""),
    field("origin", ""),
    field("purpose", "prefetch"),
    field("server", ""),
    field("timing-allow-origin", "*"),
    field("upgrade-insecure-requests", "1"),
    field("user-agent", ""),
    field("x-forwarded-for", ""),
    field("x-frame-options", "deny"),
    field("x-frame-options", "sameorigin"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9204_a_entries_at_known_places() {
        for (index, name, value) in [
            (0, ":authority", ""),
            (1, ":path", "/"),
            (17, ":method", "GET"),
            (25, ":status", "200"),
            (
                57,
                "strict-transport-security",
                "max-age=31536000; includesubdomains",
            ),
            (71, ":status", "500"),
            (73, "access-control-allow-credentials", "FALSE"),
            (98, "x-frame-options", "sameorigin"),
        ] {
            let entry = get(index);
            assert_eq!(entry.map(|entry| entry.name), Some(name));
            assert_eq!(
                entry.map(|entry| &entry.value),
                Some(&HeaderValue::from_static(value))
            );
        }
        assert!(get(99).is_none());
        assert!(get(u64::MAX).is_none());
    }

    #[test]
    fn every_entry_is_found_again() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert_eq!(
                find(entry.name, entry.value.as_bytes()),
                Found::Field(index as u8)
            );
        }
        assert_eq!(find("content-type", b"text/x"), Found::Name(44));
        assert_eq!(find("x-unknown", b""), Found::Nothing);
    }
}
