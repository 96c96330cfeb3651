use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::link::Link;

/// Wakes a task whenever something about the link changes.
pub(crate) struct Changed {
    notify: Arc<Notify>,
    next: Pin<Box<OwnedNotified>>,
}

impl Changed {
    pub(crate) fn new(link: &Link) -> Self {
        Self {
            notify: link.changed.clone(),
            next: Box::pin(link.changed.clone().notified_owned()),
        }
    }

    /// To be called before looking at what may change.
    pub(crate) fn watch(&mut self, cx: &mut Context<'_>) {
        while self.next.as_mut().poll(cx).is_ready() {
            self.next.set(self.notify.clone().notified_owned());
        }
    }
}
