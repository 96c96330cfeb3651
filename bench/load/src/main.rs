//! A load generator that treats HTTP/1.1, HTTP/2 and HTTP/3 alike: closed loop,
//! the same loop and the same checks over each. Every answer's status and length
//! is checked, the first one of each connection by its SHA-256 too.
//!
//! It prints `measure` when the measured time begins, `over` when it ends (so
//! that the caller can read the gateway's CPU time then) and a line of JSON.

mod client;
mod plan;
mod tally;
mod tls;

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use client::{Check, Client};
use plan::Plan;
use tally::{Phase, Shared, Tally};
use tokio::task::LocalSet;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long the connections may take until each has had its first answer.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// A gateway that keeps failing is not asked for ever.
const MAX_ERRORS: u64 = 100;

fn main() -> Result<(), Error> {
    let plan = Arc::new(Plan::parse(std::env::args().skip(1))?);
    let shared = Arc::new(Shared::default());
    let threads: Vec<_> = (0..plan.threads)
        .map(|index| {
            let (plan, shared) = (plan.clone(), shared.clone());
            thread::spawn(move || work(index, plan, shared))
        })
        .collect();

    let started = Instant::now();
    let ready = loop {
        if shared.ready.load(Ordering::Acquire) == plan.connections {
            break true;
        }
        if started.elapsed() > READY_WITHIN || threads.iter().any(|one| one.is_finished()) {
            break false;
        }
        thread::sleep(Duration::from_millis(1));
    };
    let mut measured = Duration::ZERO;
    if ready {
        thread::sleep(plan.warmup);
        say("measure")?;
        shared.enter(Phase::Measuring);
        let began = Instant::now();
        thread::sleep(plan.time);
        measured = began.elapsed();
    }
    shared.enter(Phase::Over);
    say("over")?;

    let mut total = Tally::new()?;
    for one in threads {
        match one.join() {
            Ok(Ok(tally)) => total.add(tally)?,
            Ok(Err(error)) => total.failed(&error.to_string()),
            Err(_) => total.failed("a load thread panicked"),
        }
    }
    if !ready {
        total.failed("not every connection had its first answer in time");
    }
    let report = total.report(measured, &shared);
    say(&serde_json::to_string(&report)?)?;
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// What the tasks of one thread share.
struct Thread {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    tally: RefCell<Tally>,
}

/// One thread: a runtime of its own with its share of the connections.
fn work(index: usize, plan: Arc<Plan>, shared: Arc<Shared>) -> Result<Tally, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let here = Rc::new(Thread {
        plan: plan.clone(),
        shared: shared.clone(),
        tally: RefCell::new(Tally::new()?),
    });
    let tasks = LocalSet::new();
    for _ in (index..plan.connections).step_by(plan.threads) {
        tasks.spawn_local(connection(here.clone()));
    }
    // What is under way when the time is over is dropped, not waited for.
    tasks.block_on(&runtime, shared.over());
    Ok(here.tally.replace(Tally::new()?))
}

/// One connection with its concurrent streams; opened again where the gateway closes it.
async fn connection(here: Rc<Thread>) {
    let mut announced = false;
    while here.tally.borrow().errors < MAX_ERRORS {
        let client = match first(&here).await {
            Ok(client) => client,
            Err(error) => {
                here.tally.borrow_mut().failed(&error.to_string());
                continue;
            }
        };
        if announced {
            here.tally.borrow_mut().reconnects += 1;
        } else {
            here.shared.ready.fetch_add(1, Ordering::AcqRel);
            announced = true;
        }
        let streams: Vec<_> = (0..here.plan.streams)
            .map(|_| tokio::task::spawn_local(stream(client.clone(), here.clone())))
            .collect();
        for one in streams {
            if let Err(error) = one.await {
                here.tally.borrow_mut().failed(&error.to_string());
            }
        }
    }
}

/// A connection whose first answer was right.
async fn first(here: &Thread) -> Result<Client, Error> {
    let client = Client::connect(&here.plan).await?;
    client
        .exchange(&here.plan, &here.shared, Check::Sum)
        .await?;
    Ok(client)
}

/// Asks again and again, until the connection fails.
async fn stream(client: Client, here: Rc<Thread>) {
    loop {
        let began = Instant::now();
        let done = client
            .exchange(&here.plan, &here.shared, Check::Length)
            .await;
        let mut tally = here.tally.borrow_mut();
        match done {
            Ok(()) if here.shared.phase() == Phase::Measuring => tally.answered(began.elapsed()),
            Ok(()) => {}
            Err(error) => {
                tally.failed(&error.to_string());
                return;
            }
        }
    }
}
