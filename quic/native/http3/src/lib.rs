//! HTTP/3 over quinn, for servers and clients: RFC 9114, RFC 9204 with the static table alone,
//! RFC 9220. [`proto`] is the protocol without I/O; [`server`] and [`client`] drive it. Nothing
//! here spawns a task, and nothing buffers more of a body than one read of it.

mod body;
mod budget;
mod changed;
pub mod client;
mod config;
mod control;
mod error;
mod incoming;
mod line;
mod link;
mod outlet;
pub mod proto;
mod respond;
mod response;
pub mod server;

pub use config::Config;
pub use error::{Cause, ConnectionError};
pub use proto::fault::Code;
pub use proto::head::Protocol;
pub use proto::settings::Settings;
