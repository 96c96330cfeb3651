//! Where the answers for one exchange arrive.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;

use super::answer::{self, Answer, Kind};
use crate::engine::lock;

/// Interim responses that JavaScript may have queued for one exchange.
const MAX_INFORMS: usize = 16;
/// What one piece of a streamed answer counts at least, so that tiny ones are bounded too.
const PIECE_COST: usize = 1;

/// One piece of a streamed answer.
pub enum Piece {
    Data(Bytes),
    End(HeaderMap),
    Fail,
}

#[derive(Default)]
struct State {
    answer: Option<(Kind, Bytes)>,
    informs: VecDeque<Bytes>,
    pieces: VecDeque<Piece>,
    /// Bytes in `pieces`.
    held: usize,
    /// JavaScript broke the rules: sent more than it was allowed, or nonsense.
    broken: bool,
    waker: Option<Waker>,
}

pub struct Mailbox {
    state: Mutex<State>,
    window: usize,
}

impl Mailbox {
    pub fn new(window: usize) -> Self {
        Self {
            state: Mutex::default(),
            window,
        }
    }

    /// From JavaScript's thread.
    pub fn deliver(&self, kind: u8, content: &[u8]) {
        let mut state = lock(&self.state);
        match Kind::from(kind) {
            Some(Kind::Chunk) => match answer::chunk(content) {
                Some(data) if data.is_empty() => return,
                Some(data) if state.held + data.len().max(PIECE_COST) <= self.window => {
                    state.held += data.len().max(PIECE_COST);
                    state.pieces.push_back(Piece::Data(data));
                }
                _ => state.broken = true,
            },
            Some(Kind::End) => match answer::trailers(content) {
                Some(trailers) => state.pieces.push_back(Piece::End(trailers)),
                None => state.broken = true,
            },
            Some(Kind::Fail) => state.pieces.push_back(Piece::Fail),
            Some(Kind::Inform) if state.informs.len() < MAX_INFORMS => {
                state.informs.push_back(Bytes::copy_from_slice(content));
            }
            Some(Kind::Inform) | None => state.broken = true,
            Some(kind) if state.answer.is_none() => {
                state.answer = Some((kind, Bytes::copy_from_slice(content)));
            }
            Some(_) => state.broken = true,
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next answer, or an interim response that was asked for before it.
    pub fn poll_answer(&self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut state = lock(&self.state);
        if let Some(content) = state.informs.pop_front() {
            return Poll::Ready(answer::inform(&content));
        }
        if let Some((kind, content)) = state.answer.take() {
            drop(state);
            return Poll::Ready(answer::decode(kind, &content));
        }
        if state.broken {
            return Poll::Ready(None);
        }
        remember(&mut state.waker, cx);
        Poll::Pending
    }

    /// The next piece of a streamed answer. JavaScript may send as many bytes again as a piece
    /// had, which the caller tells it.
    pub fn poll_piece(&self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let mut state = lock(&self.state);
        if let Some(piece) = state.pieces.pop_front() {
            if let Piece::Data(data) = &piece {
                state.held -= data.len().max(PIECE_COST);
            }
            return Poll::Ready(Some(piece));
        }
        if state.broken {
            return Poll::Ready(None);
        }
        remember(&mut state.waker, cx);
        Poll::Pending
    }
}

fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *slot = Some(cx.waker().clone()),
    }
}
