//! How gates let versions through: a verdict and what follows from it, in one transaction.

use async_trait::async_trait;
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::landings::{Standings, Step};
use crate::link::Link;
use crate::stored::{Act, Landing};
use crate::verdicts::{NewVerdict, save_verdict};

/// What became of [`Catalog::settle`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is a member of every view that was named.
    Landed {
        /// The landings that made it one, in the order in which the views were named.
        seqs: Vec<u64>,
        /// Whether any of them was made by this call.
        first: bool,
    },
    /// A view withholds it, so it landed nowhere.
    Withheld {
        /// The act that took it out.
        landing: Box<Landing>,
    },
    /// No view was named: the verdict is kept, nothing else was asked for.
    Judged,
}

impl Catalog {
    /// Keeps a verdict, if there is one, and lands the version in each view named that it is not in; all in one durable
    /// act. The same again changes nothing: a verdict that says what the newest one on that version and view says is not
    /// kept a second time.
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version is not stored.
    ///
    /// # Panics
    /// If the verdict is on another version.
    pub async fn settle(
        &self,
        verdict: Option<NewVerdict>,
        land_in: &[String],
        module: &ModuleVersion,
        by: &str,
        why: &str,
    ) -> Result<Settled, CatalogError> {
        let is_of_it = verdict.as_ref().is_none_or(|new| new.module == *module);
        assert!(is_of_it, "a verdict moves the version that it is on");
        let is_judged = verdict.is_some();
        let settled = self
            .write(Settle {
                verdict,
                views: land_in.to_vec(),
                step: Step {
                    view: String::new(),
                    act: Act::Land,
                    module: module.clone(),
                    by: by.to_owned(),
                    why: why.to_owned(),
                    legal: false,
                    at: Timestamp::now(),
                },
            })
            .await;
        if is_judged && settled.is_ok() {
            self.note_judged(module.path());
        }
        settled
    }
}

struct Settle {
    verdict: Option<NewVerdict>,
    views: Vec<String>,
    /// In no view yet.
    step: Step,
}

#[async_trait]
impl Write for Settle {
    type Answer = Settled;

    async fn apply(&self, link: &mut Link<'_>) -> Result<Settled, CatalogError> {
        let standings = Standings::lock(link, &self.step.module).await?;
        if let Some(verdict) = &self.verdict {
            save_verdict(link, verdict, self.step.at).await?;
        }
        if self.views.is_empty() {
            return Ok(Settled::Judged);
        }
        if let Some(landing) = standings.find_withholding() {
            return Ok(Settled::Withheld {
                landing: Box::new(landing.clone()),
            });
        }
        let (mut seqs, mut first) = (Vec::with_capacity(self.views.len()), false);
        for (at, view) in self.views.iter().enumerate() {
            let member = standings.find(view).filter(|last| last.act.joins());
            let named_before = self.views[..at].iter().position(|other| other == view);
            let seq = match (member, named_before) {
                (Some(last), _) => last.seq,
                (None, Some(before)) => seqs[before],
                (None, None) => {
                    first = true;
                    let step = Step {
                        view: view.clone(),
                        ..self.step.clone()
                    };
                    step.carry_out(link).await?.seq
                }
            };
            seqs.push(seq);
        }
        Ok(Settled::Landed { seqs, first })
    }
}
