//! Everybody on the stage beside the program, each in a thread of their own.

use std::sync::Arc;
use std::thread;

use anyhow::{Context, anyhow};

use crate::generate::Zone;
use crate::kafka::client::Connection;
use crate::lifecycle::{Readiness, Stop};

use super::board::Board;
use super::{feeder, officers, watcher};

/// Everybody on the stage beside the program.
pub struct Cast {
    feeder: Actor,
    officers: Actor,
    watcher: Actor,
}

impl Cast {
    /// Starts them all.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(own: &Connection, zone: Zone, board: &Arc<Board>, readiness: &Readiness) -> anyhow::Result<Self> {
        let feeder = Actor::start("feeder", {
            let (connection, board, readiness) = (named(own, "demo-feeder"), Arc::clone(board), readiness.clone());
            move |stop| feeder::run(&connection, zone, &board, || readiness.check().is_ok(), stop)
        })?;
        let officers = Actor::start("officers", {
            let (connection, board) = (named(own, "demo-officers"), Arc::clone(board));
            move |stop| officers::run(&connection, &board, stop)
        })?;
        let watcher = Actor::start("watcher", {
            let (connection, board) = (named(own, "demo-watcher"), Arc::clone(board));
            move |stop| watcher::run(&connection, &board, stop)
        })?;
        Ok(Cast { feeder, officers, watcher })
    }

    /// That nobody has failed.
    ///
    /// # Errors
    /// Who has, and why.
    pub fn check(&mut self) -> anyhow::Result<()> {
        self.feeder.check().context("the feeder has failed")?;
        self.officers.check().context("the officers have failed")?;
        self.watcher.check().context("the watcher has failed")
    }

    /// Nothing more is to be sent.
    pub fn fall_silent(&self) {
        self.feeder.stop.request();
        self.officers.stop.request();
    }

    /// Whether everything that was to be sent is delivered.
    pub fn silent(&self) -> bool {
        self.feeder.ended() && self.officers.ended()
    }

    /// Lets everybody go.
    ///
    /// # Errors
    /// When somebody has failed at the last moment.
    pub fn go_home(&mut self) -> anyhow::Result<()> {
        for actor in [&mut self.feeder, &mut self.officers, &mut self.watcher] {
            actor.stop.request();
            if let Some(thread) = actor.thread.take() {
                thread.join().map_err(|_| anyhow!("panicked"))??;
            }
        }
        Ok(())
    }
}

/// Somebody on the stage beside the program.
struct Actor {
    stop: Stop,
    thread: Option<thread::JoinHandle<anyhow::Result<()>>>,
}

impl Actor {
    fn start(name: &str, work: impl FnOnce(&Stop) -> anyhow::Result<()> + Send + 'static) -> anyhow::Result<Self> {
        let stop = Stop::default();
        let own = stop.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || work(&own))?;
        Ok(Actor { stop, thread: Some(thread) })
    }

    fn ended(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }

    /// The error it ended with, if it has ended with one.
    fn check(&mut self) -> anyhow::Result<()> {
        match self.thread.take_if(|thread| thread.is_finished()) {
            Some(thread) => thread.join().map_err(|_| anyhow!("panicked"))?,
            None => Ok(()),
        }
    }
}

fn named(connection: &Connection, instance_id: &str) -> Connection {
    Connection { instance_id: instance_id.to_owned(), ..connection.clone() }
}
