//! Captures as jobs: how they are submitted and how their answers are read.

use std::time::Duration;

use bytes::Bytes;
use catalog::work::{self, CaptureAnswer, CaptureAsk, Refusal, RefusalClass};
use gomod::version::ModuleVersion;
use queue::{Durability, Job, JobId, Outcome, Priority, Queue, Ticket};

/// A capture ends by its own bounds long before this; it is the belt to those braces.
const CAPTURE_WAIT_MAX: Duration = Duration::from_secs(1800);

/// The job that captures `.info` and `.mod`.
pub fn capture_job(of: &ModuleVersion, priority: Priority) -> Job {
    let ask = CaptureAsk { of: of.clone() };
    durable(ask.job_id(), work::CAPTURE, &ask, priority)
}

/// The job that captures the zip.
pub fn zip_job(of: &ModuleVersion, priority: Priority) -> Job {
    let ask = CaptureAsk { of: of.clone() };
    durable(ask.zip_job_id(), work::ZIP, &ask, priority)
}

/// A durable job with a payload of ours. Our payloads are plain structures of texts: they always become JSON.
pub fn durable(id: String, kind: &str, ask: &impl serde::Serialize, priority: Priority) -> Job {
    let payload = Bytes::from(serde_json::to_vec(ask).unwrap_or_default());
    Job {
        id: JobId::new(id),
        kind: kind.to_owned(),
        payload,
        priority,
        durability: Durability::Durable,
    }
}

/// Submits the first act of a capture and waits for it.
pub(crate) async fn submit_capture(
    queue: &Queue,
    of: &ModuleVersion,
    priority: Priority,
) -> CaptureAnswer {
    wait_for_capture(queue.submit(capture_job(of, priority)), of).await
}

/// Submits the capture of a zip and waits for it.
pub(crate) async fn submit_zip(
    queue: &Queue,
    of: &ModuleVersion,
    priority: Priority,
) -> CaptureAnswer {
    wait_for_capture(queue.submit(zip_job(of, priority)), of).await
}

/// Waits for a capture and reads its answer.
async fn wait_for_capture(ticket: Ticket, of: &ModuleVersion) -> CaptureAnswer {
    match ticket.wait(CAPTURE_WAIT_MAX).await {
        Some(outcome) => read_capture(outcome, of),
        None => CaptureAnswer::Refused(Refusal::new(
            RefusalClass::TooSlow,
            format!("{of}: the capture takes too long"),
        )),
    }
}

/// Reads the answer of a capture that ended.
pub(crate) fn read_capture(outcome: Outcome, of: &ModuleVersion) -> CaptureAnswer {
    let refused =
        |class, text: String| CaptureAnswer::Refused(Refusal::new(class, format!("{of}: {text}")));
    match outcome {
        Outcome::Done(bytes) | Outcome::Later { answer: bytes, .. } => {
            match serde_json::from_slice(&bytes) {
                Ok(answer) => answer,
                Err(cause) => refused(
                    RefusalClass::Storage,
                    format!("the capture's answer cannot be read: {cause}"),
                ),
            }
        }
        Outcome::Failed { message, .. } => refused(RefusalClass::Overloaded, message),
        Outcome::Cancelled => refused(
            RefusalClass::Overloaded,
            "the capture was cancelled".to_owned(),
        ),
    }
}
