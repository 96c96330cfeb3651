//! The engine of the transport library: HTTP/1.1, HTTP/2 and HTTP/3, server and client. TypeScript
//! decides, this moves the bytes. `binding` is what JavaScript sees; `crossing` is how the two
//! talk; `serve` takes requests off connections; `exchange` carries out decisions; `upstream`
//! holds connections to where requests go.

pub mod binding;
mod config;
mod connection;
mod crossing;
mod datagram;
mod drain;
mod engine;
mod event;
mod exchange;
mod fault;
mod http2;
mod io;
mod listener;
mod message;
mod serve;
mod tls;
mod unwind;
mod upstream;

/// With thread-local storage that survives being loaded at run time (see Cargo.toml). Tests use the
/// system's, which sanitizers watch: docs/sanitizers.md.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
