//! HTTP/3 without I/O: bytes go in, events and faults come out. RFC 9114 (HTTP/3), RFC 9204
//! (QPACK, static table only) and RFC 9220 (extended CONNECT).

pub mod compose;
pub mod control;
pub mod encode;
pub mod fault;
pub mod frame;
pub mod head;
pub mod huffman;
pub mod input;
pub mod instruction;
pub mod integer;
pub mod message;
pub mod section;
pub mod settings;
pub mod table;
pub mod unidirectional;
pub mod varint;
