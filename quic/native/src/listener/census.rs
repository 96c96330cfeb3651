//! How many connections there are, in all and by remote address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use super::Listener;
use crate::config::ListenerLimits;
use crate::engine::lock;

/// Holds one entry per address that has a connection, so never more than `max_connections`.
#[derive(Default)]
pub struct Census(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    total: usize,
    by_network: HashMap<IpAddr, usize>,
}

impl Census {
    /// Counts a connection from `ip`, or tells the configuration key of the limit it would pass.
    fn enter(&self, ip: IpAddr, limits: &ListenerLimits) -> Result<(), &'static str> {
        let mut counts = lock(&self.0);
        if counts.total >= limits.max_connections {
            return Err("maxConnections");
        }
        let network = network(ip);
        let here = counts.by_network.get(&network).copied().unwrap_or(0);
        if here >= limits.max_connections_per_address {
            return Err("maxConnectionsPerAddress");
        }
        counts.by_network.insert(network, here + 1);
        counts.total += 1;
        Ok(())
    }

    fn leave(&self, ip: IpAddr) {
        let mut counts = lock(&self.0);
        counts.total = counts.total.saturating_sub(1);
        let network = network(ip);
        if let Some(here) = counts.by_network.get_mut(&network) {
            *here -= 1;
            if *here == 0 {
                counts.by_network.remove(&network);
            }
        }
    }
}

/// One subscriber. With IPv6 that is a /64 at the least (RFC 6177): a limit by single address
/// would be none.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// A connection's place, from the moment it is accepted; dropped with the connection.
pub struct Slot {
    listener: Arc<Listener>,
    remote: SocketAddr,
    limits: Arc<ListenerLimits>,
}

impl Slot {
    /// None when a limit is reached, which is counted and told.
    pub fn take(listener: &Arc<Listener>, remote: SocketAddr) -> Option<Self> {
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let limits = listener.limits();
        match listener.census.enter(remote.ip(), &limits) {
            Ok(()) => Some(Self {
                listener: Arc::clone(listener),
                remote,
                limits,
            }),
            Err(limit) => {
                listener.limit(remote, limit);
                None
            }
        }
    }

    pub fn listener(&self) -> &Arc<Listener> {
        &self.listener
    }

    /// What the connection is allowed from its first byte to its last.
    pub fn limits(&self) -> &Arc<ListenerLimits> {
        &self.limits
    }

    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.listener.census.leave(self.remote.ip());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn limits(total: usize, address: usize) -> ListenerLimits {
        ListenerLimits {
            max_connections: total,
            max_connections_per_address: address,
            ..ListenerLimits::default()
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_are_limited_in_all_and_by_address() {
        let census = Census::default();
        let limits = limits(3, 2);
        assert_eq!(census.enter(ip("192.0.2.1"), &limits), Ok(()));
        assert_eq!(census.enter(ip("::ffff:192.0.2.1"), &limits), Ok(()));
        assert_eq!(
            census.enter(ip("192.0.2.1"), &limits),
            Err("maxConnectionsPerAddress")
        );
        assert_eq!(census.enter(ip("192.0.2.2"), &limits), Ok(()));
        assert_eq!(
            census.enter(ip("192.0.2.3"), &limits),
            Err("maxConnections")
        );
        census.leave(ip("192.0.2.1"));
        assert_eq!(census.enter(ip("192.0.2.1"), &limits), Ok(()));
    }

    #[test]
    fn ipv6_is_limited_by_its_64_bit_network() {
        let census = Census::default();
        let limits = limits(10, 1);
        assert_eq!(census.enter(ip("2001:db8::1"), &limits), Ok(()));
        assert!(census.enter(ip("2001:db8::ffff:2"), &limits).is_err());
        assert_eq!(census.enter(ip("2001:db8:0:1::1"), &limits), Ok(()));
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_left() {
        let census = Census::default();
        let limits = limits(10, 10);
        for last in 0..10 {
            census
                .enter(IpAddr::from([192, 0, 2, last]), &limits)
                .unwrap();
        }
        for last in 0..10 {
            census.leave(IpAddr::from([192, 0, 2, last]));
        }
        let counts = lock(&census.0);
        assert_eq!(counts.total, 0);
        assert!(counts.by_network.is_empty());
    }
}
