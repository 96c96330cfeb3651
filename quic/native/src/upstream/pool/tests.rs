#![allow(clippy::unwrap_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;

use super::*;

/// A connection by its number; it dies when told so.
#[derive(Debug)]
struct One(u32);

impl Solo for One {
    fn is_alive(&mut self) -> bool {
        self.0 != 0
    }
}

#[derive(Debug)]
struct Inner {
    open: Cell<bool>,
    capacity: Cell<usize>,
    extended: Cell<bool>,
    suspect: Cell<bool>,
    http3: bool,
}

#[derive(Clone, Debug)]
struct Many(Rc<Inner>);

impl Many {
    fn new(capacity: usize, http3: bool) -> Self {
        Self(Rc::new(Inner {
            open: Cell::new(true),
            capacity: Cell::new(capacity),
            extended: Cell::new(false),
            suspect: Cell::new(false),
            http3,
        }))
    }
}

impl Share for Many {
    fn is_open(&self) -> bool {
        self.0.open.get()
    }
    fn capacity(&self) -> usize {
        self.0.capacity.get()
    }
    fn extended_connect(&self) -> bool {
        self.0.extended.get()
    }
    fn is_suspect(&self) -> bool {
        self.0.suspect.get()
    }
    fn rank(&self) -> usize {
        usize::from(!self.0.http3)
    }
    fn is_http3(&self) -> bool {
        self.0.http3
    }
}

const PLAIN: Want = Want {
    upgrade: false,
    fresh: false,
};
const FRESH: Want = Want {
    upgrade: false,
    fresh: true,
};
const UPGRADE: Want = Want {
    upgrade: true,
    fresh: false,
};

/// A pool, and all that it ever asked for.
struct Bench {
    pool: Pool<One, Many>,
    fx: Effects<One, Many>,
    now: Instant,
}

impl Bench {
    fn new(max_connections: usize, multiplexed: Option<bool>) -> Self {
        let rules = Rules {
            max_connections,
            max_idle: 2,
            max_waiting: 3,
            max_streams: 10,
            idle: Duration::from_secs(60),
            http1_beside: multiplexed.is_none(),
            http3_first: false,
        };
        Self {
            pool: Pool::new(rules, multiplexed, None),
            fx: Effects::default(),
            now: Instant::now(),
        }
    }

    fn take(&mut self, want: Want) -> Option<Grant<One, Many>> {
        self.pool.take(want, self.now, &mut self.fx)
    }

    fn wait(&mut self, want: Want) -> u64 {
        assert!(self.take(want).is_none());
        self.pool.wait(want, self.now, &mut self.fx).unwrap()
    }

    fn poll(&mut self, id: u64) -> Poll<Result<Grant<One, Many>, Fault>> {
        self.pool.poll(id, Waker::noop())
    }

    /// The number of the connection that a waiter got.
    fn got(&mut self, id: u64) -> u32 {
        match self.poll(id) {
            Poll::Ready(Ok(Grant::Solo { solo, .. })) => solo.0,
            other => panic!("{other:?}"),
        }
    }

    fn code(&mut self, id: u64) -> &'static str {
        match self.poll(id) {
            Poll::Ready(Err(fault)) => fault.code.code,
            other => panic!("{other:?}"),
        }
    }

    fn streams(&mut self, ids: &[u64]) -> usize {
        ids.iter()
            .filter(|id| matches!(self.poll(**id), Poll::Ready(Ok(Grant::Stream { .. }))))
            .count()
    }

    fn connected(&mut self, number: u32) {
        let now = self.now;
        self.pool
            .connected_solo(Dial::Any, One(number), now, &mut self.fx);
    }

    /// A shared connection, and its peer's SETTINGS with it.
    fn shared(&mut self, id: u64, many: &Many) {
        self.unsettled(id, many);
        self.pool.settled(id, &mut self.fx);
    }

    fn unsettled(&mut self, id: u64, many: &Many) {
        let now = self.now;
        self.pool
            .connected_share(Dial::Any, id, many.clone(), now, &mut self.fx);
    }

    fn put_back(&mut self, number: u32) {
        let now = self.now;
        self.pool.put_back(One(number), true, now, &mut self.fx);
    }

    fn dials(&mut self) -> usize {
        std::mem::take(&mut self.fx.dial).len()
    }
}

#[test]
fn the_connection_used_last_is_handed_out_first() {
    let mut bench = Bench::new(9, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 2);
    bench.connected(1);
    bench.connected(2);
    assert_eq!([bench.got(ids[0]), bench.got(ids[1])], [1, 2]);
    bench.put_back(1);
    bench.put_back(2);
    let Some(Grant::Solo { solo, used }) = bench.take(PLAIN) else {
        panic!()
    };
    assert_eq!((solo.0, used), (2, true));
}

#[test]
fn waiters_are_served_in_order_of_arrival() {
    let mut bench = Bench::new(1, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 1);
    bench.connected(1);
    for id in ids {
        assert!(bench.take(PLAIN).is_none(), "a newcomer overtook a waiter");
        assert_eq!(bench.got(id), 1);
        bench.put_back(1);
    }
    assert!(bench.take(PLAIN).is_some());
}

#[test]
fn a_waiter_that_left_is_passed_over_and_loses_nothing() {
    let mut bench = Bench::new(1, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    let now = bench.now;
    bench.pool.cancel(ids[0], now, &mut bench.fx);
    bench.connected(1);
    // Served, and gone before it noticed: the next one gets it.
    bench.pool.cancel(ids[1], now, &mut bench.fx);
    assert_eq!(bench.got(ids[2]), 1);
    bench.pool.cancel(ids[2], now, &mut bench.fx);
    bench.put_back(1);
    let counts = bench.pool.counts();
    assert_eq!((counts.idle, counts.active, counts.waiting), (1, 0, 0));
    assert_eq!((counts.connections, counts.connecting), (1, 0));
}

#[test]
fn the_queue_is_bounded() {
    let mut bench = Bench::new(1, Some(false));
    for _ in 0..3 {
        bench.wait(PLAIN);
    }
    let now = bench.now;
    for _ in 0..2 {
        let fault = bench.pool.wait(PLAIN, now, &mut bench.fx).unwrap_err();
        assert_eq!(fault.code.code, "overload/pool");
        assert!(bench.fx.limit);
    }
}

#[test]
fn a_failure_is_told_to_one_where_each_has_a_connection_made() {
    let mut bench = Bench::new(9, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 2);
    let refused = Fault::new(&fault::CONNECT_REFUSED, "");
    bench.pool.failed(Dial::Any, &refused, &mut bench.fx);
    assert_eq!(bench.code(ids[0]), "connect/refused");
    assert!(bench.poll(ids[1]).is_pending());
    assert_eq!(bench.dials(), 0);
    bench.connected(2);
    assert_eq!(bench.got(ids[1]), 2);
}

#[test]
fn one_connection_attempt_serves_all_while_the_protocol_is_unknown() {
    let mut bench = Bench::new(9, None);
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 1);
    bench.shared(7, &Many::new(100, false));
    assert_eq!(bench.streams(&ids), 3);
    assert_eq!(bench.pool.streams(7), Some(3));
    assert_eq!(bench.dials(), 0);
}

#[test]
fn one_failed_attempt_fails_all_who_shared_it() {
    let mut bench = Bench::new(9, None);
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 1);
    let refused = Fault::new(&fault::CONNECT_REFUSED, "");
    bench.pool.failed(Dial::Any, &refused, &mut bench.fx);
    for id in ids {
        assert_eq!(bench.code(id), "connect/refused");
    }
    assert_eq!(bench.pool.counts().connections, 0);
}

#[test]
fn when_the_server_chose_http_1_the_others_connect_side_by_side() {
    let mut bench = Bench::new(9, None);
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 1);
    bench.connected(1);
    assert_eq!(bench.got(ids[0]), 1);
    assert_eq!(bench.dials(), 2);
}

#[test]
fn a_full_connection_leads_to_another_up_to_the_bound() {
    let mut bench = Bench::new(2, Some(true));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.dials(), 1);
    bench.shared(7, &Many::new(1, false));
    assert_eq!(bench.dials(), 1);
    bench.shared(8, &Many::new(1, false));
    assert_eq!(bench.dials(), 0);
    assert_eq!(bench.streams(&ids), 2);
    let now = bench.now;
    bench.pool.released(7, now, &mut bench.fx);
    assert_eq!(bench.streams(&ids), 1);
    assert_eq!(bench.pool.counts().active, 2);
}

/// A peer of HTTP/3, which does not say how many streams it allows.
fn silent() -> Many {
    Many::new(usize::MAX, true)
}

#[test]
fn who_finds_a_connection_full_leads_to_another_and_keeps_their_turn() {
    let mut bench = Bench::new(2, Some(true));
    let first = bench.wait(PLAIN);
    bench.shared(1, &silent());
    assert_eq!(bench.streams(&[first]), 1);
    bench.dials();
    assert!(
        bench.take(PLAIN).is_some(),
        "more would fit by all that is known"
    );
    assert!(!bench.pool.saturated(1));
    assert_eq!(bench.pool.counts().active, 1);
    let (second, third) = (bench.wait(PLAIN), bench.wait(PLAIN));
    assert_eq!(bench.dials(), 1);
    bench.shared(2, &silent());
    // Both are given the new one, which takes one, and not the first of them.
    assert_eq!(bench.streams(&[second, third]), 2);
    assert!(!bench.pool.saturated(2));
    bench.pool.wait_on(second, PLAIN, &mut bench.fx);
    let fourth = bench.wait(PLAIN);
    bench.pool.released(1, bench.now, &mut bench.fx);
    assert_eq!(bench.streams(&[second]), 1);
    assert_eq!(
        bench.streams(&[fourth]),
        1,
        "as many as wish, once it carries none"
    );
}

#[test]
fn who_is_alone_on_a_full_connection_keeps_the_place_and_makes_room_when_they_leave() {
    let mut bench = Bench::new(1, Some(true));
    let first = bench.wait(PLAIN);
    bench.shared(1, &silent());
    assert_eq!(bench.streams(&[first]), 1);
    assert!(bench.pool.saturated(1));
    assert_eq!(bench.pool.counts().active, 1);
    let second = bench.wait(PLAIN);
    assert!(bench.poll(second).is_pending());
    bench.pool.released(1, bench.now, &mut bench.fx);
    assert_eq!(bench.streams(&[second]), 1);
}

#[test]
fn a_second_connection_that_fails_leaves_who_waits_to_the_first() {
    let refused = Fault::new(&fault::CONNECT_REFUSED, "");
    let mut bench = Bench::new(2, Some(true));
    let many = Many::new(1, false);
    let first = bench.wait(PLAIN);
    bench.shared(1, &many);
    assert_eq!(bench.streams(&[first]), 1);
    bench.dials();
    let (second, third) = (bench.wait(PLAIN), bench.wait(PLAIN));
    assert_eq!(bench.dials(), 1);
    bench.pool.failed(Dial::Any, &refused, &mut bench.fx);
    assert_eq!(bench.streams(&[second, third]), 0);
    assert_eq!(bench.dials(), 0, "not at once again");
    bench.pool.released(1, bench.now, &mut bench.fx);
    assert_eq!(bench.streams(&[second]), 1);
    assert_eq!(bench.dials(), 0);
    // After a while it is tried again, and when nothing serves any more who waits is told.
    bench.pool.reap(bench.now, &mut bench.fx);
    assert_eq!(bench.dials(), 1);
    many.0.open.set(false);
    bench.pool.failed(Dial::Any, &refused, &mut bench.fx);
    assert_eq!(bench.code(third), "connect/refused");
}

#[test]
fn a_peer_that_allows_a_stream_after_all_is_asked_for_more() {
    let mut bench = Bench::new(1, Some(true));
    let first = bench.wait(PLAIN);
    bench.shared(1, &silent());
    assert_eq!(bench.streams(&[first]), 1);
    assert!(bench.take(PLAIN).is_some());
    assert!(!bench.pool.saturated(1));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    assert_eq!(bench.streams(&ids), 0);
    bench.pool.cancel(ids[0], bench.now, &mut bench.fx);
    bench.pool.admitted(1, false, &mut bench.fx);
    assert_eq!(bench.streams(&ids[1..]), 2);
    assert_eq!(bench.pool.counts().active, 4);
}

#[test]
fn a_connection_that_goes_away_gets_no_more_streams_and_keeps_its_place() {
    let mut bench = Bench::new(1, Some(true));
    let id = bench.wait(PLAIN);
    let many = Many::new(10, false);
    bench.shared(7, &many);
    assert_eq!(bench.streams(&[id]), 1);
    many.0.open.set(false);
    bench.dials();
    let next = bench.wait(PLAIN);
    assert_eq!(bench.fx.share.len(), 1);
    assert_eq!(bench.dials(), 0, "the old one still counts");
    let now = bench.now;
    bench.pool.released(7, now, &mut bench.fx);
    assert!(bench.pool.ended(7, &mut bench.fx).is_none());
    assert_eq!(bench.dials(), 1);
    bench.shared(8, &Many::new(10, false));
    assert_eq!(bench.streams(&[next]), 1);
}

#[test]
fn a_peer_that_closes_each_connection_at_once_is_not_asked_forever() {
    let mut bench = Bench::new(9, Some(true));
    let id = bench.wait(PLAIN);
    bench.dials();
    let many = Many::new(10, false);
    many.0.open.set(false);
    bench.shared(7, &many);
    assert_eq!(bench.code(id), "connect/closed");
    assert_eq!(bench.dials(), 0);
    bench.pool.ended(7, &mut bench.fx);
    assert_eq!(bench.pool.counts().connections, 0);
}

#[test]
fn a_fresh_one_was_never_used_or_has_proved_itself() {
    let mut bench = Bench::new(1, Some(false));
    let id = bench.wait(PLAIN);
    bench.dials();
    bench.connected(1);
    assert_eq!(bench.got(id), 1);
    bench.put_back(1);
    // The used one makes room.
    let id = bench.wait(FRESH);
    assert_eq!((bench.dials(), bench.fx.solo.len()), (1, 1));
    bench.connected(2);
    assert_eq!(bench.got(id), 2);

    let mut bench = Bench::new(9, Some(true));
    let id = bench.wait(PLAIN);
    bench.dials();
    let many = Many::new(10, false);
    bench.shared(7, &many);
    assert_eq!(bench.streams(&[id]), 1);
    assert!(bench.take(FRESH).is_some());
    many.0.suspect.set(true);
    bench.wait(FRESH);
    assert_eq!(bench.dials(), 1);
    assert!(bench.take(PLAIN).is_some());
}

#[test]
fn an_upgrade_asks_for_http_1_and_else_for_extended_connect() {
    let mut bench = Bench::new(9, None);
    let id = bench.wait(UPGRADE);
    assert_eq!(std::mem::take(&mut bench.fx.dial), [Dial::Http1]);
    let alpn = Fault::new(&fault::TLS_ALPN, "");
    bench.pool.failed(Dial::Http1, &alpn, &mut bench.fx);
    assert_eq!(std::mem::take(&mut bench.fx.dial), [Dial::Any]);
    let many = Many::new(10, false);
    bench.unsettled(7, &many);
    assert!(bench.poll(id).is_pending(), "settings did not come yet");
    assert_eq!(bench.dials(), 0);
    many.0.extended.set(true);
    bench.pool.settled(7, &mut bench.fx);
    assert_eq!(bench.streams(&[id]), 1);
}

#[test]
fn an_upgrade_that_nobody_can_carry_is_refused() {
    let mut bench = Bench::new(9, Some(true));
    let id = bench.wait(UPGRADE);
    assert_eq!(bench.dials(), 1);
    bench.unsettled(7, &Many::new(10, false));
    bench.pool.settled(7, &mut bench.fx);
    assert_eq!(bench.code(id), "upgrade/refused");
    let now = bench.now;
    let fault = bench.pool.wait(UPGRADE, now, &mut bench.fx).unwrap_err();
    assert_eq!(fault.code.code, "upgrade/refused");
    assert_eq!(bench.dials(), 0);
}

#[test]
fn idle_connections_are_bounded_in_number_and_age() {
    let mut bench = Bench::new(9, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN), bench.wait(PLAIN)];
    for number in 1..=3 {
        bench.connected(number);
    }
    for id in ids {
        bench.got(id);
    }
    for number in 1..=3 {
        bench.put_back(number);
    }
    assert_eq!(bench.fx.solo.remove(0).0, 1);
    assert!(bench.fx.reap);
    let early = bench.now + Duration::from_secs(59);
    assert!(bench.pool.reap(early, &mut bench.fx).is_some());
    assert_eq!(bench.pool.counts().idle, 2);
    let late = bench.now + Duration::from_secs(60);
    assert!(bench.pool.reap(late, &mut bench.fx).is_none());
    let counts = bench.pool.counts();
    assert_eq!((counts.idle, counts.connections), (0, 0));
    assert_eq!(bench.fx.solo.len(), 2);
}

#[test]
fn a_dead_idle_connection_is_let_go() {
    let mut bench = Bench::new(9, Some(false));
    let id = bench.wait(PLAIN);
    bench.connected(1);
    bench.got(id);
    bench.put_back(0);
    let now = bench.now;
    assert!(bench.pool.reap(now, &mut bench.fx).is_none());
    assert_eq!(bench.pool.counts().connections, 0);
}

#[test]
fn http_3_is_tried_again_in_the_background_when_something_else_serves() {
    let mut bench = Bench::new(9, None);
    bench.pool.rules.http3_first = true;
    bench.pool.memory = Some(Memory::new(Duration::from_secs(1), Duration::from_secs(9)));
    let id = bench.wait(PLAIN);
    bench.dials();
    bench.shared(7, &Many::new(10, false));
    assert_eq!(bench.streams(&[id]), 1);
    assert!(bench.take(PLAIN).is_some());
    assert_eq!(std::mem::take(&mut bench.fx.dial), [Dial::Http3]);
    assert!(bench.take(PLAIN).is_some());
    assert_eq!(bench.dials(), 0, "one at a time");
    let now = bench.now;
    let many = Many::new(10, true);
    bench
        .pool
        .connected_share(Dial::Http3, 8, many, now, &mut bench.fx);
    let Some(Grant::Stream { id: 8, .. }) = bench.take(PLAIN) else {
        panic!("the preferred protocol is used from then on")
    };
}

#[test]
fn http_3_that_is_known_to_fail_is_left_alone() {
    let mut bench = Bench::new(9, None);
    bench.pool.rules.http3_first = true;
    let mut memory = Memory::new(Duration::from_secs(1), Duration::from_secs(9));
    memory.fail(&fault::CONNECT_TIMEOUT, bench.now);
    bench.pool.memory = Some(memory);
    bench.wait(PLAIN);
    bench.dials();
    bench.shared(7, &Many::new(10, false));
    assert!(bench.take(PLAIN).is_some());
    assert_eq!(bench.dials(), 0);
}

#[test]
fn a_closed_pool_fails_waiters_and_lets_leases_finish() {
    let mut bench = Bench::new(1, Some(false));
    let ids = [bench.wait(PLAIN), bench.wait(PLAIN)];
    bench.connected(1);
    assert_eq!(bench.got(ids[0]), 1);
    bench.pool.close(&mut bench.fx);
    assert_eq!(bench.code(ids[1]), "upstream/unknown");
    let now = bench.now;
    assert!(bench.pool.wait(PLAIN, now, &mut bench.fx).is_err());
    bench.put_back(1);
    assert_eq!(bench.fx.solo.len(), 1);
    assert_eq!(bench.pool.counts().connections, 0);
}

#[test]
fn who_waited_in_vain_learns_for_what() {
    let mut bench = Bench::new(1, Some(false));
    let patience = Duration::from_secs(1);
    let id = bench.wait(PLAIN);
    assert_eq!(
        bench.pool.late(PLAIN, patience).code.code,
        "connect/timeout"
    );
    bench.connected(1);
    bench.got(id);
    bench.wait(PLAIN);
    assert_eq!(bench.pool.late(PLAIN, patience).code.code, "overload/pool");
}

#[test]
fn a_burst_on_a_new_connection_waits_until_its_peers_limit_is_known() {
    let mut bench = Bench::new(9, Some(true));
    let ids: Vec<u64> = (0..3).map(|_| bench.wait(PLAIN)).collect();
    bench.dials();
    bench.unsettled(7, &Many::new(2, false));
    assert_eq!(bench.streams(&ids), 1, "one cannot exceed any limit");
    assert_eq!(bench.dials(), 0, "nor is it known how many more are needed");
    bench.pool.settled(7, &mut bench.fx);
    assert_eq!(bench.streams(&ids), 1, "as many as it allows");
    assert_eq!(bench.dials(), 1, "and one more connection for the rest");
}
