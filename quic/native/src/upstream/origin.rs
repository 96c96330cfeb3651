//! What an upstream's options mean, once they are parsed: where it is and what may be spoken there.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Authority;

use crate::config::UpstreamOptions;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
    Http3,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http1 => "h1",
            Protocol::Http2 => "h2",
            Protocol::Http3 => "h3",
        }
    }

    /// As records have it.
    pub fn number(self) -> u8 {
        match self {
            Protocol::Http1 => 11,
            Protocol::Http2 => 20,
            Protocol::Http3 => 30,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Origin {
    pub tls: bool,
    /// Without brackets.
    pub host: String,
    pub port: u16,
    pub authority: Authority,
    /// In order of preference; never empty.
    pub protocols: Vec<Protocol>,
    /// Given instead of what DNS would say.
    pub addresses: Vec<SocketAddr>,
}

impl Origin {
    pub fn new(options: &UpstreamOptions) -> Result<Self, String> {
        let bad = || {
            format!(
                "origin is {:?}: must be http://host:port or https://host:port",
                options.origin
            )
        };
        let uri: Uri = options.origin.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad()),
        };
        let authority = uri.authority().cloned().ok_or_else(bad)?;
        let rest = uri.path_and_query().map_or("", |path| path.as_str());
        if !matches!(rest, "" | "/") || authority.as_str().contains('@') {
            return Err(bad());
        }
        let named = authority.host();
        let host = named
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(named);
        // `Authority::port` is silent about a port that is too large.
        let port = match authority.as_str().strip_prefix(named) {
            Some("") if tls => 443,
            Some("") => 80,
            Some(port) => port.trim_start_matches(':').parse().map_err(|_| bad())?,
            None => return Err(bad()),
        };
        if host.is_empty() || port == 0 {
            return Err(bad());
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
            protocols: protocols(options, tls)?,
            addresses: addresses(options, port)?,
            authority,
        })
    }

    pub fn allows(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    /// How far down the list of preferences.
    pub fn rank(&self, protocol: Protocol) -> usize {
        self.protocols
            .iter()
            .position(|allowed| *allowed == protocol)
            .unwrap_or(usize::MAX)
    }
}

fn protocols(options: &UpstreamOptions, tls: bool) -> Result<Vec<Protocol>, String> {
    let mut list = Vec::with_capacity(3);
    for (at, name) in options.protocols.iter().enumerate() {
        let protocol = match name.as_str() {
            "h1" => Protocol::Http1,
            "h2" => Protocol::Http2,
            "h3" => Protocol::Http3,
            _ => return Err(format!("protocols[{at}] is {name:?}: must be h1, h2 or h3")),
        };
        if list.contains(&protocol) {
            return Err(format!("protocols[{at}] is {name:?}: is in the list twice"));
        }
        list.push(protocol);
    }
    if list.is_empty() {
        return Ok(match tls {
            true => vec![Protocol::Http2, Protocol::Http1],
            false => vec![Protocol::Http1],
        });
    }
    if !tls && list.contains(&Protocol::Http3) {
        return Err("protocols holds h3: needs an https origin".into());
    }
    // Without ALPN nothing tells which of the two a server speaks (RFC 9113 3.3).
    if !tls && list.len() > 1 {
        return Err("protocols holds h1 and h2: must be one of them for an http origin".into());
    }
    Ok(list)
}

fn addresses(options: &UpstreamOptions, port: u16) -> Result<Vec<SocketAddr>, String> {
    options
        .addresses
        .iter()
        .enumerate()
        .map(|(at, text)| {
            text.parse::<SocketAddr>()
                .or_else(|_| {
                    let bare = text
                        .strip_prefix('[')
                        .and_then(|rest| rest.strip_suffix(']'))
                        .unwrap_or(text);
                    bare.parse::<IpAddr>()
                        .map(|address| SocketAddr::new(address, port))
                })
                .map_err(|_| format!("addresses[{at}] is {text:?}: must be ip or ip:port"))
        })
        .collect()
}

/// Ranges of the numbers that an upstream cannot do without.
pub fn check(options: &UpstreamOptions) -> Result<(), String> {
    let timeouts = &options.timeouts;
    let pool = &options.pool;
    let least = [
        ("timeouts.connectMs", timeouts.connect_ms),
        ("timeouts.firstByteMs", timeouts.first_byte_ms),
        ("timeouts.idleMs", timeouts.idle_ms),
        ("timeouts.reprobeMs", timeouts.reprobe_ms),
        ("pool.maxConnections", pool.max_connections as u64),
        ("pool.maxStreams", pool.max_streams as u64),
        ("pool.idleMs", pool.idle_ms),
        ("limits.maxHeadBytes", options.limits.max_head_bytes as u64),
        ("limits.maxFields", options.limits.max_fields as u64),
    ];
    for (key, value) in least {
        if value == 0 {
            return Err(format!("{key} is 0: must be at least 1"));
        }
    }
    // A day: beyond it, a time-out is a mistake in the unit, and arithmetic on clocks ends.
    let most = [
        ("timeouts.connectMs", timeouts.connect_ms),
        ("timeouts.headStartMs", timeouts.head_start_ms),
        ("timeouts.reprobeMs", timeouts.reprobe_ms),
        ("timeouts.reprobeMaxMs", timeouts.reprobe_max_ms),
        ("pool.idleMs", pool.idle_ms),
    ];
    for (key, value) in most {
        if value > 86_400_000 {
            return Err(format!("{key} is {value}: must be at most 86400000"));
        }
    }
    if timeouts.reprobe_max_ms < timeouts.reprobe_ms {
        return Err(format!(
            "timeouts.reprobeMaxMs is {}: must be at least timeouts.reprobeMs, {}",
            timeouts.reprobe_max_ms, timeouts.reprobe_ms
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(json: &str) -> UpstreamOptions {
        serde_json::from_str(json).unwrap()
    }

    fn error(json: &str) -> String {
        Origin::new(&options(json)).unwrap_err()
    }

    #[test]
    fn an_origin_has_a_host_and_the_port_of_its_scheme() {
        let origin = Origin::new(&options(r#"{"origin":"https://a.test"}"#)).unwrap();
        assert_eq!((origin.host.as_str(), origin.port), ("a.test", 443));
        assert_eq!(origin.protocols, [Protocol::Http2, Protocol::Http1]);
        let origin = Origin::new(&options(r#"{"origin":"http://[::1]:81/"}"#)).unwrap();
        assert_eq!((origin.host.as_str(), origin.port), ("::1", 81));
        assert_eq!(origin.authority.as_str(), "[::1]:81");
        assert_eq!(origin.protocols, [Protocol::Http1]);
    }

    #[test]
    fn what_is_no_origin_is_refused_with_its_value() {
        for bad in [
            "ftp://a",
            "a.test:80",
            "https://",
            "http://u@a",
            "http://a/x",
            "http://a:0",
            "http://a:70000",
        ] {
            let text = error(&format!(r#"{{"origin":"{bad}"}}"#));
            assert!(text.contains(bad) && text.contains("must be"), "{text}");
        }
    }

    #[test]
    fn protocols_fit_the_scheme() {
        for bad in [
            r#"{"origin":"http://a","protocols":["h3"]}"#,
            r#"{"origin":"http://a","protocols":["h1","h2"]}"#,
            r#"{"origin":"https://a","protocols":["h4"]}"#,
            r#"{"origin":"https://a","protocols":["h2","h2"]}"#,
        ] {
            assert!(error(bad).starts_with("protocols"));
        }
        let origin = Origin::new(&options(r#"{"origin":"http://a","protocols":["h2"]}"#)).unwrap();
        assert_eq!(origin.protocols, [Protocol::Http2]);
    }

    #[test]
    fn addresses_take_the_origins_port_unless_they_have_one() {
        let origin = Origin::new(&options(
            r#"{"origin":"https://a:8443","addresses":["127.0.0.1","127.0.0.1:9","::1","[::1]:7"]}"#,
        ))
        .unwrap();
        let text: Vec<String> = origin.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            ["127.0.0.1:8443", "127.0.0.1:9", "[::1]:8443", "[::1]:7"]
        );
        let text = error(r#"{"origin":"https://a","addresses":["a.test"]}"#);
        assert_eq!(text, r#"addresses[0] is "a.test": must be ip or ip:port"#);
    }
}
