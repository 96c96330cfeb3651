//! Request, response and control streams: any bytes, cut anywhere, give the same events as
//! uncut.
#![no_main]

use bytes::Bytes;
use harmony_http3::proto::control::{Control, Side};
use harmony_http3::proto::fault::Fault;
use harmony_http3::proto::message::{Content, Event, Message};
use libfuzzer_sys::fuzz_target;

/// Sections whole, content summed up.
fn message(side: Side, pieces: &[&[u8]]) -> Result<Vec<Event>, Fault> {
    let mut message = Message::new(side, 4096);
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces {
        message.push(Bytes::copy_from_slice(piece));
        while let Some(event) = message.event()? {
            if events.is_empty() {
                message.begin(Content::Message(None));
            }
            match (events.last_mut(), event) {
                (Some(Event::Data(sum)), Event::Data(data)) => {
                    *sum = Bytes::from([&sum[..], &data[..]].concat());
                }
                (_, event) => events.push(event),
            }
        }
    }
    message.finish()?;
    Ok(events)
}

fn control(side: Side, pieces: &[&[u8]]) -> Result<usize, Fault> {
    let mut control = Control::new(side);
    let mut events = 0;
    for piece in pieces {
        control.push(Bytes::copy_from_slice(piece));
        while control.event()?.is_some() {
            events += 1;
        }
    }
    Ok(events)
}

fuzz_target!(|input: (u16, bool, &[u8])| {
    let (cut, client, bytes) = input;
    let side = if client { Side::Client } else { Side::Server };
    let (start, end) = bytes.split_at(usize::from(cut).min(bytes.len()));
    assert_eq!(message(side, &[start, end]), message(side, &[bytes]));
    assert_eq!(control(side, &[start, end]), control(side, &[bytes]));
});
