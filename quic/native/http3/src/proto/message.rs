//! The frames of one message on its bidirectional stream, RFC 9114 sections 4.1 and 7.2.

use bytes::Bytes;

use super::control::Side;
use super::fault::{Code, Fault};
use super::frame::{Action, Decoder, Frame, kind};

#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The payload of a HEADERS frame. After the head's, [`Message::begin`] or nothing (for an
    /// interim response) is called.
    Section(Bytes),
    Data(Bytes),
}

/// What may follow a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Content and trailers; with the length that content-length declared.
    Message(Option<u64>),
    /// RFC 9110 section 6.4.1: answers to HEAD, 204 and 304 have none, whatever
    /// content-length says.
    None,
    /// RFC 9114 section 4.4: after CONNECT, DATA frames only.
    Tunnel,
}

#[derive(Debug)]
pub struct Message {
    decoder: Decoder,
    rules: Rules,
}

#[derive(Debug)]
struct Rules {
    side: Side,
    /// The longest payload of a HEADERS frame that is buffered.
    max_section: u64,
    phase: Phase,
    content: Content,
    /// The sum of the lengths of the DATA frames that began.
    announced: u64,
    /// Content that was yielded.
    yielded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    Content,
    End,
}

impl Message {
    /// The message that the side `side` receives.
    pub fn new(side: Side, max_section: u64) -> Self {
        Self {
            decoder: Decoder::default(),
            rules: Rules {
                side,
                max_section,
                phase: Phase::Head,
                content: Content::None,
                announced: 0,
                yielded: 0,
            },
        }
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.decoder.push(bytes);
    }

    /// True when everything that was pushed was taken out.
    pub fn is_empty(&self) -> bool {
        self.decoder.is_empty()
    }

    /// The head is complete: what follows it.
    pub fn begin(&mut self, content: Content) {
        self.rules.content = content;
        self.rules.phase = Phase::Content;
    }

    /// True when the head is complete.
    pub fn has_begun(&self) -> bool {
        self.rules.phase != Phase::Head
    }

    /// Content still to come, when its length was declared; before the head's end it is not known.
    pub fn remaining(&self) -> Option<u64> {
        if !self.has_begun() {
            return None;
        }
        match self.rules.content {
            Content::Message(Some(declared)) => Some(declared.saturating_sub(self.rules.yielded)),
            Content::None => Some(0),
            _ => None,
        }
    }

    /// The next event; none when more bytes are needed.
    pub fn event(&mut self) -> Result<Option<Event>, Fault> {
        let rules = &mut self.rules;
        match self.decoder.next(|kind, len| rules.frame(kind, len))? {
            None => Ok(None),
            Some(Frame::Data(data)) => {
                self.rules.yielded += data.len() as u64;
                Ok(Some(Event::Data(data)))
            }
            Some(Frame::Whole { payload, .. }) => {
                if self.rules.phase == Phase::Content {
                    self.rules.phase = Phase::End;
                }
                Ok(Some(Event::Section(payload)))
            }
        }
    }

    /// The stream ended cleanly: did the message?
    pub fn finish(&self) -> Result<(), Fault> {
        if !self.decoder.at_boundary() {
            // RFC 9114 section 7.1.
            return Err(
                Fault::connection(Code::FRAME_ERROR, "stream ended within a frame").truncated(),
            );
        }
        let rules = &self.rules;
        match (rules.phase, rules.content) {
            // RFC 9114 section 4.1: a request without its head is incomplete; a response
            // without a final head is malformed (section 4.1.2).
            (Phase::Head, _) if rules.side == Side::Server => Err(Fault::stream(
                Code::REQUEST_INCOMPLETE,
                "stream ended before a request",
            )
            .truncated()),
            (Phase::Head, _) => {
                Err(Fault::malformed("stream ended before a final response").truncated())
            }
            // RFC 9114 section 4.1.2.
            (_, Content::Message(Some(declared))) if rules.announced != declared => {
                Err(Fault::malformed("content is shorter than content-length").truncated())
            }
            _ => Ok(()),
        }
    }
}

impl Rules {
    fn frame(&mut self, kind: u64, len: u64) -> Result<Action, Fault> {
        let unexpected = |detail| Err(Fault::connection(Code::FRAME_UNEXPECTED, detail));
        match kind {
            kind::DATA => match self.phase {
                // RFC 9114 section 4.1.
                Phase::Head => unexpected("data before headers"),
                Phase::End => unexpected("data after trailers"),
                Phase::Content => {
                    self.announced = self.announced.saturating_add(len);
                    match self.content {
                        // RFC 9114 section 4.1.2.
                        Content::Message(Some(declared)) if self.announced > declared => {
                            Err(Fault::malformed("content is longer than content-length"))
                        }
                        Content::None if len > 0 => {
                            Err(Fault::malformed("content in a response that has none"))
                        }
                        _ => Ok(Action::Stream),
                    }
                }
            },
            kind::HEADERS => match (self.phase, self.content) {
                (Phase::End, _) => unexpected("headers after trailers"),
                // RFC 9114 section 4.4.
                (Phase::Content, Content::Tunnel) => unexpected("headers in a tunnel"),
                _ if len > self.max_section => Err(Fault::section("field section is too large")),
                _ => Ok(Action::Whole),
            },
            kind::PUSH_PROMISE => match self.side {
                // RFC 9114 section 7.2.5.
                Side::Server => unexpected("push_promise from a client"),
                Side::Client => Err(Fault::connection(
                    Code::ID_ERROR,
                    "push_promise that was not allowed",
                )),
            },
            // RFC 9114 sections 7.2.3, 7.2.4, 7.2.6 and 7.2.7.
            kind::SETTINGS | kind::GOAWAY | kind::CANCEL_PUSH | kind::MAX_PUSH_ID => {
                unexpected("frame of the control stream on a request stream")
            }
            kind if kind::is_reserved(kind) => unexpected("reserved frame type of http/2"),
            // RFC 9114 section 9.
            _ => Ok(Action::Skip),
        }
    }
}

#[cfg(test)]
mod tests;
