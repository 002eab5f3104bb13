//! Remembered refusals: what could not be had a moment ago is not asked for again at once. Bounded in number and time,
//! in memory only, and dropped when something of the module lands.
//!
//! Trouble (an origin out of reach, a full disk) is not remembered: the next request may fare better. A damaged file that
//! could not be healed is, because each try may fetch and throw away a zip of 500 MB.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::work::{Refusal, RefusalClass};
use gomod::path::ModulePath;
use quick_cache::sync::Cache;

/// What is remembered under a job's id.
#[derive(Clone, Debug)]
pub enum Negative {
    /// Not to be had.
    Refused(Refusal),
    /// Only the `.info` is to be had, and it is not stored.
    Passed {
        /// The `.info` as it came.
        info: String,
        /// Why the other files are not to be had.
        refusal: Refusal,
    },
}

#[derive(Debug)]
struct Remembered {
    module: ModulePath,
    negative: Negative,
    until: Instant,
}

/// The remembered refusals.
#[derive(Debug)]
pub struct Negatives {
    by_job: Cache<Box<str>, Arc<Remembered>>,
    keep: Duration,
}

impl Negatives {
    /// Remembers `count_max` of them, each for `keep`.
    pub fn new(count_max: usize, keep: Duration) -> Self {
        Self {
            by_job: Cache::new(count_max.max(1)),
            keep,
        }
    }

    /// What is remembered under a job's id.
    pub fn find(&self, job_id: &str, now: Instant) -> Option<Negative> {
        let remembered = self.by_job.get::<str>(job_id)?;
        (now < remembered.until).then(|| remembered.negative.clone())
    }

    /// Remembers a refusal, unless it is one that may pass; damage, which a heal may mend, is remembered nevertheless.
    pub fn remember(&self, job_id: &str, module: &ModulePath, negative: Negative, now: Instant) {
        let refusal = match &negative {
            Negative::Refused(refusal) | Negative::Passed { refusal, .. } => refusal,
        };
        if refusal.may_pass() && refusal.class != RefusalClass::Damaged {
            return;
        }
        let remembered = Remembered {
            module: module.clone(),
            negative,
            until: now + self.keep,
        };
        self.by_job.insert(job_id.into(), Arc::new(remembered));
    }

    /// Forgets everything about modules of which something has landed. Looks at every entry.
    pub fn forget(&self, landed: &dyn Fn(&ModulePath) -> bool) {
        if !self.by_job.is_empty() {
            self.by_job
                .retain(|_, remembered| !landed(&remembered.module));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(class: RefusalClass) -> Negative {
        Negative::Refused(Refusal::new(class, "no"))
    }

    #[test]
    fn refusals_are_remembered_for_their_time() {
        let negatives = Negatives::new(100, Duration::from_secs(60));
        let module: ModulePath = "example.com/m".parse().unwrap();
        let now = Instant::now();
        negatives.remember(
            "list:main/example.com/m",
            &module,
            refused(RefusalClass::Absent),
            now,
        );
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(
            negatives
                .find("list:main/example.com/m", later(59))
                .is_some()
        );
        assert!(
            negatives
                .find("list:main/example.com/m", later(60))
                .is_none()
        );
        assert!(negatives.find("list:main/example.com/n", now).is_none());
    }

    #[test]
    fn trouble_is_not_remembered() {
        let negatives = Negatives::new(100, Duration::from_secs(60));
        let module: ModulePath = "example.com/m".parse().unwrap();
        let now = Instant::now();
        negatives.remember("x", &module, refused(RefusalClass::Unreachable), now);
        assert!(negatives.find("x", now).is_none());
        negatives.remember("x", &module, refused(RefusalClass::Damaged), now);
        assert!(negatives.find("x", now).is_some());
    }

    #[test]
    fn a_landing_makes_the_module_be_asked_again() {
        let negatives = Negatives::new(100, Duration::from_secs(60));
        let landed: ModulePath = "example.com/m".parse().unwrap();
        let other: ModulePath = "example.com/n".parse().unwrap();
        let now = Instant::now();
        negatives.remember("a", &landed, refused(RefusalClass::Absent), now);
        negatives.remember("b", &other, refused(RefusalClass::Absent), now);
        negatives.forget(&|module| *module == landed);
        assert!(negatives.find("a", now).is_none());
        assert!(negatives.find("b", now).is_some());
    }

    #[test]
    fn their_number_is_bounded() {
        let negatives = Negatives::new(100, Duration::from_secs(60));
        let module: ModulePath = "example.com/m".parse().unwrap();
        let now = Instant::now();
        for number in 0..10_000 {
            negatives.remember(
                &number.to_string(),
                &module,
                refused(RefusalClass::Absent),
                now,
            );
        }
        let kept = (0..10_000)
            .filter(|number| negatives.find(&number.to_string(), now).is_some())
            .count();
        assert!(kept <= 200, "{kept}");
    }
}
