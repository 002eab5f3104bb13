//! The workers: one handler a kind of job, registered with the queue, and the sweep that finds what is due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::CatalogError;
use catalog::work::{
    self, ActAsk, CaptureAnswer, CaptureAsk, GetAsk, HealAsk, ListAsk, RefusalClass, ResolveAsk,
    SumdbAsk,
};
use gomod::version::ModuleVersion;
use queue::{Handler, Job, JobContext, Outcome, Priority, Progress, Queue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use crate::acts::Acts;
use crate::closure::Closure;
use crate::gates::{Gates, pass_gates};
use crate::jobs::{submit_capture, zip_job};
use crate::passing::Passing;
use crate::processor::Processor;
use crate::settings::Settings;

/// Rows looked at by one sweep.
const SWEEP_ROWS_MAX: u64 = 10_000;

/// Rows read at a time by a sweep that looks at all of them.
const SWEEP_PAGE: u64 = 1_000;

/// Time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Time between two looks at what is due at the gates.
const GATES_EVERY: Duration = Duration::from_secs(5);

/// How long a capture that nobody waits for stays away from a disk without room.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// Files healed at once: few, because what a dying disk lost must not crowd out captures.
const HEAL_WORKERS: usize = 4;

/// Acts carried out at once. One may be about thousands of versions; the next person should not wait for that.
const ACT_WORKERS: usize = 8;

/// What the pipeline is made of.
pub struct Parts {
    /// Makes artifacts.
    pub processor: Processor,
    /// Moves what is stored from stage to stage.
    pub gates: Gates,
    /// Passes requests on to checksum databases.
    pub passing: Passing,
    /// Brings the jobs.
    pub queue: Queue,
    /// What the operator decided.
    pub settings: Settings,
}

/// The pipeline: handlers for all kinds of jobs.
#[derive(Clone)]
pub struct Pipeline {
    parts: Arc<Parts>,
}

impl Pipeline {
    /// Registers a handler for every kind of job. The queue starts them when it is started.
    pub fn register(parts: Parts) -> Self {
        let pipeline = Self {
            parts: Arc::new(parts),
        };
        let Settings {
            capture_workers,
            zip_workers,
            ..
        } = pipeline.parts.settings;
        for (kind, workers) in [
            (work::CAPTURE, capture_workers),
            (work::ZIP, zip_workers),
            (work::LIST, capture_workers),
            (work::RESOLVE, capture_workers),
            (work::SUMDB, capture_workers),
            (work::GET, 4),
            (work::HEAL, HEAL_WORKERS),
            (work::ACT, ACT_WORKERS),
        ] {
            pipeline
                .parts
                .queue
                .register(kind, workers, Arc::new(pipeline.clone()));
        }
        pipeline
    }

    /// Submits what the catalog shows to be due, now and again every ten minutes. Ends with the process.
    pub async fn sweep(self) {
        if !self.parts.settings.zips_all {
            return;
        }
        loop {
            match self
                .parts
                .processor
                .catalog
                .list_missing_zips(SWEEP_ROWS_MAX)
                .await
            {
                Ok(due) => {
                    let due = self.without_refused(due).await;
                    if !due.is_empty() {
                        info!(count = due.len(), "zips that are due follow behind");
                    }
                    due.iter().for_each(|of| self.zip_follows(of));
                }
                Err(cause) => warn!(error = %cause, "the sweep could not read the catalog"),
            }
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    }

    /// Leaves out what is in quarantine: bytes that were refused once are fetched again only when someone asks.
    async fn without_refused(&self, due: Vec<ModuleVersion>) -> Vec<ModuleVersion> {
        let catalog = &self.parts.processor.catalog;
        let Ok(refused) = catalog.list_quarantine(SWEEP_ROWS_MAX).await else {
            return due;
        };
        let refused: HashSet<ModuleVersion> = refused.into_iter().map(|row| row.module).collect();
        due.into_iter().filter(|of| !refused.contains(of)).collect()
    }

    /// Sends through the gates again what they may judge otherwise now: verdicts whose time is over, everything held back
    /// once the policies have changed, and what a process left at the gates when it died. Ends with the process.
    pub async fn sweep_gates(self) {
        // The table of licences takes a tenth of a second to make: not while the first client waits.
        tokio::task::spawn_blocking(insight::licence::prepare);
        let gates = &self.parts.gates;
        let mut judged_by = None;
        loop {
            let policies = gates.policies.current().digest();
            let swept = if judged_by == Some(policies) {
                self.sweep_due().await
            } else {
                self.sweep_held().await
            };
            match swept {
                Ok(()) => judged_by = Some(policies),
                Err(cause) => {
                    warn!(error = %cause, "the sweep of the gates could not read the catalog");
                }
            }
            tokio::time::sleep(GATES_EVERY).await;
        }
    }

    async fn sweep_due(&self) -> Result<(), CatalogError> {
        let due = self.parts.gates.list_due(SWEEP_ROWS_MAX).await?;
        due.iter().for_each(|of| self.zip_follows(of));
        Ok(())
    }

    async fn sweep_held(&self) -> Result<(), CatalogError> {
        let mut after = 0;
        loop {
            let page = self.parts.gates.list_held(after, SWEEP_PAGE).await?;
            let Some((_, last)) = page.last() else {
                return Ok(());
            };
            after = *last;
            page.iter().for_each(|(of, _)| self.zip_follows(of));
        }
    }

    fn zip_follows(&self, of: &ModuleVersion) {
        drop(self.parts.queue.submit(zip_job(of, Priority::Behind)));
    }

    async fn capture(&self, ask: CaptureAsk) -> CaptureAnswer {
        let answer = self.parts.processor.capture_version(&ask.of).await;
        if answer == CaptureAnswer::Landed && self.parts.settings.zips_all {
            self.zip_follows(&ask.of);
        }
        answer
    }

    /// Runs a capture. One that could not be stored, and that no client's request alone brought here, is not over: it waits
    /// for room.
    async fn run_capture(
        &self,
        job: &Job,
        context: &JobContext,
        run: impl AsyncFnOnce(CaptureAsk) -> CaptureAnswer,
    ) -> Outcome {
        let low_water = &self.parts.processor.low_water;
        let mut waits_for = None;
        let outcome = answer(job, async |ask| {
            let answer = run(ask).await;
            let lack = match &answer {
                CaptureAnswer::Refused(refusal) if refusal.class == RefusalClass::Storage => {
                    Some(refusal.text.clone())
                }
                _ => None,
            };
            // One that waits at the door is one capture that was refused, however often it looks.
            if lack.is_none() || !context.was_put_off() || !low_water.is_stopped() {
                low_water.note_end(&job.kind, &answer);
            }
            waits_for = lack.filter(|_| job.priority != Priority::Client);
            answer
        })
        .await;
        match (outcome, waits_for) {
            (Outcome::Done(answer), Some(why)) => Outcome::Later {
                answer,
                why,
                // Refused at the door it cost nothing; otherwise it asked an upstream for what cannot be kept.
                after: low_water.is_stopped().then_some(ROOM_WAIT),
            },
            (outcome, _) => outcome,
        }
    }

    /// Captures a zip and sends the version through the gates, which want to look into it.
    async fn capture_zip(
        &self,
        ask: CaptureAsk,
        priority: Priority,
        context: &JobContext,
    ) -> CaptureAnswer {
        let of = &ask.of;
        let told = |done, total| {
            let line = String::new();
            context.report(Progress { done, total, line });
        };
        let first_act = submit_capture(&self.parts.queue, of, priority);
        let captured = self.parts.processor.capture_zip(of, first_act, &told).await;
        if captured != CaptureAnswer::Landed {
            return captured;
        }
        context.log("stored; at the gates");
        pass_gates(&self.parts.gates, of).await
    }
}

#[async_trait]
impl Handler for Pipeline {
    /// A host that hangs, asked straight or by an upstream, holds up its own modules and no others.
    fn share_of<'a>(&self, job: &'a Job) -> Option<&'a str> {
        work::host_of(job.id.as_str())
    }

    async fn run(&self, job: &Job, context: &JobContext) -> Outcome {
        let processor = &self.parts.processor;
        match job.kind.as_str() {
            work::CAPTURE => {
                self.run_capture(job, context, async |ask| self.capture(ask).await)
                    .await
            }
            work::ZIP => {
                let run = async |ask| self.capture_zip(ask, job.priority, context).await;
                self.run_capture(job, context, run).await
            }
            work::LIST => {
                answer(job, async |ask: ListAsk| {
                    processor.list_versions(&ask.module).await
                })
                .await
            }
            work::RESOLVE => {
                answer(job, async |ask: ResolveAsk| processor.resolve(&ask).await).await
            }
            work::SUMDB => {
                answer(job, async |ask: SumdbAsk| {
                    self.parts.passing.ask(&ask).await
                })
                .await
            }
            work::HEAL => answer(job, async |ask: HealAsk| processor.heal(&ask).await).await,
            work::ACT => {
                let acts = Acts {
                    gates: self.parts.gates.clone(),
                    queue: self.parts.queue.clone(),
                };
                answer(job, async |ask: ActAsk| acts.act(&ask).await).await
            }
            work::GET => {
                let closure = Closure {
                    processor: processor.clone(),
                    queue: self.parts.queue.clone(),
                };
                answer(job, async |ask: GetAsk| closure.get(&ask, context).await).await
            }
            other => Outcome::Failed {
                message: format!("no handler for jobs of kind {other}"),
                retry: false,
            },
        }
    }
}

/// Parses the payload, runs the work, and writes the answer. A refusal is an answer: it is `Done`, not `Failed`.
async fn answer<A, R, F>(job: &Job, run: F) -> Outcome
where
    A: DeserializeOwned,
    R: Serialize,
    F: AsyncFnOnce(A) -> R,
{
    let ask = match serde_json::from_slice(&job.payload) {
        Ok(ask) => ask,
        Err(cause) => {
            return Outcome::Failed {
                message: format!("the payload of {} cannot be read: {cause}", job.id),
                retry: false,
            };
        }
    };
    match serde_json::to_vec(&run(ask).await) {
        Ok(bytes) => Outcome::Done(Bytes::from(bytes)),
        Err(cause) => Outcome::Failed {
            message: format!("the answer of {} cannot be written: {cause}", job.id),
            retry: false,
        },
    }
}
