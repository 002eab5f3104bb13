//! Acts of administrators: versions that are taken out of views, and let in again.
//!
//! An act concerns several views at once and is one transaction. A version that one view withholds lands in no other one
//! until it is released there; the row of the version stays whatever is done, so that other bytes never take its name.

use async_trait::async_trait;
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::landings::{FIND_LAST_OPEN, Standings, Step};
use crate::link::{Link, args};
use crate::stored::{Act, Landing};

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActOutcome {
    /// The views say so from these landings on: one for each view that was concerned, in the order in which they were
    /// named.
    Done {
        /// The landings.
        landings: Vec<Landing>,
    },
    /// The views said so before.
    Already {
        /// Number of the newest landing since which they do.
        seq: u64,
    },
    /// It was withdrawn, and a quarantine would be less than that.
    Withheld {
        /// The withdrawal.
        landing: Box<Landing>,
    },
    /// A release of what is not withheld and never was.
    NothingToRelease,
}

impl Catalog {
    /// Takes a version out of views for good: nothing but a release brings it back, into whatever view. The last view
    /// named keeps a landing that says so even if the version was never in it.
    ///
    /// What is in quarantine is withdrawn as well. Of what was withdrawn before, only `legal` may change, and only to
    /// true; to lessen it, release it first.
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version is not stored.
    ///
    /// # Panics
    /// If `views` is empty.
    pub async fn withdraw(
        &self,
        module: &ModuleVersion,
        views: &[String],
        legal: bool,
        by: &str,
        why: &str,
    ) -> Result<ActOutcome, CatalogError> {
        self.write(TakeOut::new(Act::Withdraw, legal, module, views, by, why))
            .await
    }

    /// Takes a version out of views because of what it is suspected of; otherwise as [`Catalog::withdraw`]. What was
    /// withdrawn stays so.
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version is not stored.
    ///
    /// # Panics
    /// If `views` is empty.
    pub async fn quarantine(
        &self,
        module: &ModuleVersion,
        views: &[String],
        by: &str,
        why: &str,
    ) -> Result<ActOutcome, CatalogError> {
        self.write(TakeOut::new(Act::Quarantine, false, module, views, by, why))
            .await
    }

    /// Ends withdrawals and quarantines of a version in the views named; in every one where there is none named. It is
    /// again a member of those views that it was a member of before ([`Act::Release`]), and may land in the others
    /// ([`Act::Lift`]).
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version is not stored.
    pub async fn release(
        &self,
        module: &ModuleVersion,
        views: &[String],
        by: &str,
        why: &str,
    ) -> Result<ActOutcome, CatalogError> {
        self.write(Release {
            step: Step {
                view: String::new(),
                act: Act::Release,
                module: module.clone(),
                by: by.to_owned(),
                why: why.to_owned(),
                legal: false,
                at: Timestamp::now(),
            },
            views: distinct(views),
        })
        .await
    }
}

/// The views as they were named, each once.
fn distinct(views: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(views.len());
    for view in views {
        if !distinct.contains(view) {
            distinct.push(view.clone());
        }
    }
    distinct
}

/// How firmly a landing keeps a version out of its view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Force {
    None,
    Quarantine,
    Withdrawal,
    LegalWithdrawal,
}

impl Force {
    fn of(act: Act, legal: bool) -> Self {
        match act {
            Act::Land | Act::Release | Act::Lift => Self::None,
            Act::Quarantine => Self::Quarantine,
            Act::Withdraw if legal => Self::LegalWithdrawal,
            Act::Withdraw => Self::Withdrawal,
        }
    }

    fn of_landing(landing: &Landing) -> Self {
        Self::of(landing.act, landing.legal)
    }
}

/// A withdrawal or quarantine.
struct TakeOut {
    /// In no view yet.
    step: Step,
    /// Where a landing tells it even of what was never there.
    last_view: String,
    views: Vec<String>,
}

impl TakeOut {
    fn new(
        act: Act,
        legal: bool,
        module: &ModuleVersion,
        views: &[String],
        by: &str,
        why: &str,
    ) -> Self {
        let last_view = views.last();
        assert!(last_view.is_some(), "an act names the views that it is for");
        Self {
            step: Step {
                view: String::new(),
                act,
                module: module.clone(),
                by: by.to_owned(),
                why: why.to_owned(),
                legal,
                at: Timestamp::now(),
            },
            last_view: last_view.cloned().unwrap_or_default(),
            views: distinct(views),
        }
    }

    fn concerns(&self, view: &str, standings: &Standings) -> bool {
        let force = Force::of(self.step.act, self.step.legal);
        match standings.find(view) {
            Some(last) if last.act.joins() => true,
            Some(last) if last.act.withholds() => Force::of_landing(last) < force,
            // It is not there. Of what is withdrawn elsewhere a quarantine has nothing to add.
            _ => {
                let withheld = standings.find_withholding().map(Force::of_landing);
                let is_more = force > Force::Quarantine || withheld <= Some(Force::Quarantine);
                is_more && view == self.last_view
            }
        }
    }
}

#[async_trait]
impl Write for TakeOut {
    type Answer = ActOutcome;

    async fn apply(&self, link: &mut Link<'_>) -> Result<ActOutcome, CatalogError> {
        let standings = Standings::lock(link, &self.step.module).await?;
        let mut landings = Vec::new();
        for view in &self.views {
            if self.concerns(view, &standings) {
                let step = Step {
                    view: view.clone(),
                    ..self.step.clone()
                };
                landings.push(step.carry_out(link).await?);
            }
        }
        if !landings.is_empty() {
            return Ok(ActOutcome::Done { landings });
        }
        // Nothing was concerned, so something withholds it: the last view would be concerned otherwise.
        match standings.find_withholding() {
            Some(last) if self.step.act == Act::Quarantine && last.act == Act::Withdraw => {
                Ok(ActOutcome::Withheld {
                    landing: Box::new(last.clone()),
                })
            }
            Some(last) => Ok(ActOutcome::Already { seq: last.seq }),
            None => Err(CatalogError::damaged(
                "a version is in no view and not withheld",
            )),
        }
    }
}

struct Release {
    /// In no view yet.
    step: Step,
    views: Vec<String>,
}

#[async_trait]
impl Write for Release {
    type Answer = ActOutcome;

    async fn apply(&self, link: &mut Link<'_>) -> Result<ActOutcome, CatalogError> {
        let standings = Standings::lock(link, &self.step.module).await?;
        let mut views = self.views.clone();
        if views.is_empty() {
            views.extend(standings.iter().map(|last| last.view.clone()));
            // Oldest first, as they were taken out.
            views.reverse();
        }
        let mut landings = Vec::new();
        for view in &views {
            if standings
                .find(view)
                .is_some_and(|last| last.act.withholds())
            {
                let was_member = was_member(link, view, &self.step.module).await?;
                let step = Step {
                    view: view.clone(),
                    act: if was_member { Act::Release } else { Act::Lift },
                    ..self.step.clone()
                };
                landings.push(step.carry_out(link).await?);
            }
        }
        if !landings.is_empty() {
            return Ok(ActOutcome::Done { landings });
        }
        let released = views.iter().filter_map(|view| standings.find(view));
        let released = released.filter(|last| matches!(last.act, Act::Release | Act::Lift));
        Ok(match released.map(|last| last.seq).max() {
            Some(seq) => ActOutcome::Already { seq },
            None => ActOutcome::NothingToRelease,
        })
    }
}

/// Whether a version that a view withholds was a member of it before.
async fn was_member(
    link: &mut Link<'_>,
    view: &str,
    module: &ModuleVersion,
) -> Result<bool, CatalogError> {
    let (path, version) = (module.path().as_str(), module.version().as_str());
    let rows = link
        .rows(FIND_LAST_OPEN, args![REALM, view, path, version])
        .await?;
    let open = rows.first().map(Landing::read).transpose()?;
    Ok(open.is_some_and(|open| open.act.joins()))
}
