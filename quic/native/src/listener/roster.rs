//! The connections of a listener, so that the end of a grace period is told to each of them once,
//! and no request has to listen for it by itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use crate::connection::Connection;
use crate::engine::lock;

#[derive(Default)]
pub struct Roster(Mutex<HashMap<u64, Weak<Connection>>>);

impl Roster {
    pub fn enter(&self, connection: &Arc<Connection>) {
        lock(&self.0).insert(connection.id, Arc::downgrade(connection));
    }

    pub fn leave(&self, id: u64) {
        lock(&self.0).remove(&id);
    }

    /// Tells all of them; those that come later ask for themselves.
    pub fn sever(&self) {
        // The last handle on one may be ours, and leaves the roster when dropped.
        let open: Vec<_> = lock(&self.0).values().filter_map(Weak::upgrade).collect();
        for connection in open {
            connection.sever();
        }
    }
}
