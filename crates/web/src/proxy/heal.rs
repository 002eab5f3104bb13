//! A stored file that turns out to be damaged: the client waits until it has been fetched again, as for a capture.

use std::time::Instant;

use catalog::work::{self, CaptureAnswer, HealAsk, HealFile, Refusal, RefusalClass};
use gomod::version::ModuleVersion;
use queue::Durability;

use crate::answer::Error;
use crate::front::{Front, Work};
use crate::negatives::Negative;
use crate::target::FileKind;

/// Has a damaged file healed and waits for that; what could not be healed a moment ago is not tried again.
///
/// # Errors
/// Trouble with the cause, a 503; never "does not exist". So it is too where `may_fetch` forbids what healing takes.
pub(crate) async fn heal(
    front: &Front,
    of: &ModuleVersion,
    kind: FileKind,
    may_fetch: bool,
) -> Result<(), Error> {
    let file = match kind {
        FileKind::Info => HealFile::Info,
        FileKind::GoMod => HealFile::GoMod,
        FileKind::Zip => HealFile::Zip,
    };
    let ask = HealAsk {
        of: of.clone(),
        file,
    };
    let job_id = ask.job_id();
    if let Some(Negative::Refused(refusal)) = front.negatives.find(&job_id, Instant::now()) {
        return Err(Error::Refused(refusal));
    }
    if !may_fetch {
        let text = format!(
            "{of}: its {file} is damaged here, and the request forbids fetching it again (Disable-Module-Fetch)"
        );
        return Err(Error::Refused(Refusal::new(RefusalClass::Damaged, text)));
    }
    let work = Work {
        what: format!("{of}{file}"),
        kind: work::HEAL,
        job_id,
        payload: &ask,
        durability: Durability::Fleeting,
    };
    match front.ask(&work, front.config.client_wait).await? {
        Ok(CaptureAnswer::Landed) => Ok(()),
        Ok(CaptureAnswer::Refused(refusal) | CaptureAnswer::Passed { refusal, .. }) => {
            // Whatever kind of no it is: what was served once never "does not exist".
            let class = if refusal.may_pass() {
                refusal.class
            } else {
                RefusalClass::Damaged
            };
            let refusal = Refusal::new(class, refusal.text);
            let negative = Negative::Refused(refusal.clone());
            front
                .negatives
                .remember(&work.job_id, of.path(), negative, Instant::now());
            Err(Error::Refused(refusal))
        }
        Err(waited) => Err(Error::NotHereYet {
            what: work.what,
            progress: waited.progress,
        }),
    }
}
