//! The words in which a pool is spoken to.

use crate::fault::Fault;
use std::task::Waker;
use std::time::Duration;

/// What an exchange needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// HTTP/1.1, or a connection whose peer allows extended CONNECT.
    pub upgrade: bool,
    /// Over HTTP/1.1 a connection that was not used before; over HTTP/2 and HTTP/3 one on which
    /// nothing has failed, since a shared connection that lives proves itself all the time.
    pub fresh: bool,
}

/// A connection for one exchange at a time.
pub trait Solo {
    /// Without waiting: the peer did not close it.
    fn is_alive(&mut self) -> bool;
}

/// A handle on a connection that requests share; cheap to clone.
pub trait Share: Clone {
    /// Takes new streams.
    fn is_open(&self) -> bool;
    /// Why not, where that is known and tells more.
    fn fault(&self) -> Option<Fault> {
        None
    }
    /// Streams that the peer allows at once, as far as is known.
    fn capacity(&self) -> usize;
    fn extended_connect(&self) -> bool;
    /// Something failed on it that makes a retry on it pointless.
    fn is_suspect(&self) -> bool;
    /// Place of its protocol in the list of preferences.
    fn rank(&self) -> usize;
    fn is_http3(&self) -> bool;
}

/// Which connection to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// Whatever is preferred and works.
    Any = 0,
    /// HTTP/1.1 alone, for an upgrade.
    Http1 = 1,
    /// HTTP/3 in the background; nobody waits for it.
    Http3 = 2,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub max_connections: usize,
    pub max_idle: usize,
    pub max_waiting: usize,
    pub max_streams: usize,
    pub idle: Duration,
    /// HTTP/1.1 is allowed beside other protocols, so that an upgrade can ask for it.
    pub http1_beside: bool,
    /// HTTP/3 is allowed before the others; its rank is 0 then.
    pub http3_first: bool,
}

/// What a waiter, or whoever found something at once, gets.
#[derive(Debug)]
pub enum Grant<S, M> {
    Solo { solo: S, used: bool },
    Stream { share: M, id: u64, used: bool },
}

/// To be done once the lock is released.
pub struct Effects<S, M> {
    pub wake: Vec<Waker>,
    pub dial: Vec<Dial>,
    /// To be dropped, and counted as closed.
    pub solo: Vec<S>,
    /// To be dropped; their end is told with `ended`.
    pub share: Vec<M>,
    pub reap: bool,
    /// The bound on waiters was hit, and was not told about lately.
    pub limit: bool,
}

impl<S, M> Default for Effects<S, M> {
    fn default() -> Self {
        Self {
            wake: Vec::new(),
            dial: Vec::new(),
            solo: Vec::new(),
            share: Vec::new(),
            reap: false,
            limit: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub idle: usize,
    pub active: usize,
    pub waiting: usize,
    pub connections: usize,
    pub connecting: usize,
}
