//! What JavaScript sees: one class, `NativeEngine`. Nothing here blocks JavaScript's thread.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use napi::bindgen_prelude::{BufferSlice, Env, Function, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Error, JsDeferred, Result};
use napi_derive::napi;
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use crate::config::{EngineOptions, ListenOptions, ListenerLimits, ServerTls, UpstreamOptions};
use crate::crossing::{Crossing, Turn};
use crate::engine::{Shared, lock};
use crate::fault;
use crate::listener::Listener;
use crate::unwind;
use crate::upstream::Upstream;

/// What is left of a stop when listeners have drained: tasks that do not end are abandoned.
const SHUTDOWN: Duration = Duration::from_secs(2);

type Settle = Box<dyn FnOnce(Env) -> Result<String> + Send>;
type Promise = JsDeferred<String, Settle>;

/// An engine that runs, or one that was stopped.
#[derive(Default)]
struct State {
    shared: Option<Arc<Shared>>,
    runtime: Option<Runtime>,
    stopped: bool,
}

#[napi]
pub struct NativeEngine {
    state: Arc<Mutex<State>>,
}

fn error(code: &str, detail: impl std::fmt::Display) -> Error {
    Error::from_reason(format!("{code}: {detail}"))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T> {
    serde_json::from_str(json).map_err(|detail| error("config/invalid", detail))
}

fn panicked(reason: String) -> Error {
    error(fault::INTERNAL_PANIC.code, reason)
}

fn settle(promise: Promise, outcome: std::result::Result<String, Error>) {
    promise.resolve(Box::new(move |_| outcome));
}

impl Drop for NativeEngine {
    /// JavaScript let go of an engine without stopping it. Nothing may block here; threads end in
    /// their own time, and with them their tasks, sockets and connections.
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        // None: it was stopped, or a thread is at it.
        if let Some(runtime) = state.runtime.take() {
            if let Some(shared) = state.shared.take() {
                shared.abandon();
            }
            runtime.shutdown_background();
        }
    }
}

#[napi]
impl NativeEngine {
    /// Starts the engine's threads. `wake` is called, without arguments, when messages wait and
    /// the last turn had returned nothing.
    #[napi(constructor, catch_unwind)]
    pub fn new(options_json: String, wake: Function<'_, (), ()>) -> Result<Self> {
        let options: EngineOptions = parse(&options_json)?;
        let mut builder = Builder::new_multi_thread();
        if let Some(threads) = options.threads {
            if !(1..=1024).contains(&threads) {
                return Err(error(
                    "config/invalid",
                    format!("threads is {threads}: must be 1 to 1024"),
                ));
            }
            builder.worker_threads(threads);
        }
        let runtime = builder
            .thread_name("harmony-engine")
            .enable_all()
            .build()
            .map_err(|detail| error("engine/threads", detail))?;
        // Weak: what keeps the process alive is for JavaScript to say.
        let wake = wake
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build()?;
        let crossing = Crossing::new(
            options.limits.clone(),
            runtime.handle().clone(),
            Box::new(move || {
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }),
        );
        Ok(Self {
            state: Arc::new(Mutex::new(State {
                shared: Some(Arc::new(Shared::new(options, crossing))),
                runtime: Some(runtime),
                stopped: false,
            })),
        })
    }

    fn shared(&self) -> Result<Arc<Shared>> {
        lock(&self.state)
            .shared
            .clone()
            .ok_or_else(|| error("engine/stopped", "the engine was stopped"))
    }

    /// Runs `work` on the engine's threads; the promise settles with its outcome.
    fn promise<'env, F>(
        &self,
        env: &'env Env,
        work: impl FnOnce(Arc<Shared>) -> F,
    ) -> Result<Object<'env>>
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        let shared = self.shared()?;
        let (promise, object): (Promise, _) = env.create_deferred()?;
        let state = lock(&self.state);
        let Some(runtime) = &state.runtime else {
            return Err(error("engine/stopped", "the engine was stopped"));
        };
        let work = work(shared);
        runtime.spawn(async move {
            let outcome = unwind::guarded(std::pin::pin!(work)).await;
            settle(
                promise,
                outcome.unwrap_or_else(|reason| Err(panicked(reason))),
            );
        });
        Ok(object)
    }

    /// Delivers `length` bytes of answers and fills `out` with messages. Returns the bytes
    /// written, or, negative, the bytes that the next message needs.
    #[napi(catch_unwind)]
    pub fn turn(&self, answers: &[u8], length: u32, mut out: BufferSlice<'_>) -> Result<f64> {
        let mut state = lock(&self.state);
        let Some(shared) = state.shared.clone() else {
            return Ok(0.0);
        };
        let answers = answers
            .get(..length as usize)
            .ok_or_else(|| error("engine/turn", "length is beyond the buffer"))?;
        shared.stats.turns.up();
        let (turn, whole) = shared.crossing.turn(answers, &mut out);
        if !whole {
            return Err(error("engine/turn", "the batch of answers is malformed"));
        }
        Ok(match turn {
            Turn::Needs(bytes) => -(bytes as f64),
            Turn::Wrote(bytes) => {
                if bytes == 0 && state.stopped {
                    // The last word was taken: let go of everything, JavaScript's function too.
                    state.shared = None;
                }
                bytes as f64
            }
        })
    }

    #[napi(catch_unwind)]
    pub fn listen<'env>(&self, env: &'env Env, json: String) -> Result<Object<'env>> {
        let options: ListenOptions = parse(&json)?;
        self.promise(env, |shared| async move {
            let (listener, bound) = Listener::bind(&shared, options)
                .await
                .map_err(|refusal| error(refusal.code, refusal.detail))?;
            let id = listener.id;
            shared.add_listener(listener);
            Ok(serde_json::json!({
                "id": id,
                "address": bound.address,
                "port": bound.port,
                "quicPort": bound.quic_port,
            })
            .to_string())
        })
    }

    /// Swaps certificates on TCP and QUIC together; connections that are open keep theirs.
    #[napi(catch_unwind)]
    pub fn replace_tls(&self, listener: u32, json: String) -> Result<()> {
        let replacement: ServerTls = parse(&json)?;
        self.shared()?
            .listener(listener)
            .ok_or_else(|| error("listener/unknown", listener))?
            .replace_tls(&replacement)
            .map_err(|detail| error("tls/invalid", detail))
    }

    /// Swaps all limits; those that are left out are the defaults again.
    #[napi(catch_unwind)]
    pub fn replace_limits(&self, listener: u32, json: String) -> Result<()> {
        let replacement: ListenerLimits = parse(&json)?;
        self.shared()?
            .listener(listener)
            .ok_or_else(|| error("listener/unknown", listener))?
            .replace_limits(replacement)
            .map_err(|detail| error("config/invalid", detail))
    }

    /// Stops accepting, lets requests under way finish for at most `grace_ms`, then cuts.
    #[napi(catch_unwind)]
    pub fn drain<'env>(
        &self,
        env: &'env Env,
        listener: u32,
        grace_ms: f64,
    ) -> Result<Object<'env>> {
        let grace = millis(grace_ms);
        self.promise(env, move |shared| async move {
            let leaving = shared
                .listener_leaves(listener)
                .ok_or_else(|| error("listener/unknown", listener))?;
            let drained = leaving.drain(grace).await;
            shared.listener_left(listener);
            Ok(serde_json::json!({
                "finished": drained.finished,
                "cut": drained.cut,
            })
            .to_string())
        })
    }

    #[napi(catch_unwind)]
    pub fn upstream(&self, json: String) -> Result<u32> {
        let options: UpstreamOptions = parse(&json)?;
        let shared = self.shared()?;
        let state = lock(&self.state);
        // Upstreams may spawn their own upkeep.
        let _context = state.runtime.as_ref().map(Runtime::enter);
        let upstream =
            Upstream::new(&shared, options).map_err(|detail| error("upstream/invalid", detail))?;
        let id = upstream.id;
        shared.add_upstream(upstream);
        Ok(id)
    }

    /// Requests under way finish; later ones for this upstream fail.
    #[napi(catch_unwind)]
    pub fn close_upstream(&self, id: u32) -> Result<()> {
        let shared = self.shared()?;
        let state = lock(&self.state);
        let _context = state.runtime.as_ref().map(Runtime::enter);
        if let Some(upstream) = shared.remove_upstream(id) {
            upstream.close();
        }
        Ok(())
    }

    /// Counters and gauges, as JSON.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Result<String> {
        let shared = self.shared()?;
        let mut json = shared.stats.json();
        json.insert("waitingHeads".into(), shared.crossing.waiting().into());
        let upstreams: serde_json::Map<String, serde_json::Value> = shared
            .upstreams()
            .iter()
            .map(|upstream| (upstream.id.to_string(), upstream.stats()))
            .collect();
        json.insert("upstreams".into(), upstreams.into());
        Ok(serde_json::Value::Object(json).to_string())
    }

    /// Drains every listener and ends the engine's threads.
    #[napi(catch_unwind)]
    pub fn stop<'env>(&self, env: &'env Env, grace_ms: f64) -> Result<Object<'env>> {
        let grace = millis(grace_ms);
        let shared = self.shared()?;
        let (promise, object): (Promise, _) = env.create_deferred()?;
        let runtime = lock(&self.state)
            .runtime
            .take()
            .ok_or_else(|| error("engine/stopped", "the engine was stopped"))?;
        let state = Arc::clone(&self.state);
        // Ending a runtime blocks, so it has a thread of its own, which ends with it.
        std::thread::spawn(move || {
            let cut = runtime.block_on(shared.stop(grace));
            runtime.shutdown_timeout(SHUTDOWN);
            lock(&state).stopped = true;
            drop(shared);
            let outcome = serde_json::json!({ "cut": cut }).to_string();
            settle(promise, Ok(outcome));
        });
        Ok(object)
    }
}

fn millis(value: f64) -> Duration {
    Duration::from_millis(if value.is_finite() && value > 0.0 {
        value.min(86_400_000.0) as u64
    } else {
        0
    })
}

/// The table of error codes, as JSON.
#[napi]
pub fn error_table() -> String {
    fault::table_json()
}
