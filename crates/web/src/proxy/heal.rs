//! A stored file that turns out to be damaged: the client waits until it has been fetched again, as for a capture.

use catalog::work::{self, CaptureAnswer, HealAsk, HealFile, Refusal, RefusalClass};
use gomod::version::ModuleVersion;
use queue::Durability;

use crate::answer::Error;
use crate::front::{Front, Work};
use crate::target::FileKind;

/// Has a damaged file healed and waits for that.
///
/// # Errors
/// Trouble with the cause, a 503; never "does not exist".
pub(crate) async fn heal(front: &Front, of: &ModuleVersion, kind: FileKind) -> Result<(), Error> {
    let file = match kind {
        FileKind::Info => HealFile::Info,
        FileKind::GoMod => HealFile::GoMod,
        FileKind::Zip => HealFile::Zip,
    };
    let ask = HealAsk {
        of: of.clone(),
        file,
    };
    let work = Work {
        what: format!("{of}{file}"),
        kind: work::HEAL,
        job_id: ask.job_id(),
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
            Err(Error::Refused(Refusal::new(class, refusal.text)))
        }
        Err(progress) => Err(Error::NotHereYet {
            what: work.what,
            progress,
        }),
    }
}
