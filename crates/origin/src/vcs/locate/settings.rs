//! How repositories are looked for: what the operator allows, and for how long answers are good.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gomod::private::PrivatePatterns;
use url::Url;

use super::govcs::GovcsRules;
use crate::outside::Credentials;

/// User and password for the pages of private hosts.
pub trait PageCredentials: fmt::Debug + Send + Sync {
    /// What to send to the site of `url`, always an `https` one; `None` for nothing.
    fn find(&self, url: &Url) -> Option<Credentials>;
}

/// How repositories are looked for.
#[derive(Clone, Debug)]
pub struct LocateSettings {
    /// GOINSECURE: modules whose pages and repositories may be asked without TLS.
    pub insecure: PrivatePatterns,
    /// GOPRIVATE: what GOVCS calls private.
    pub private: PrivatePatterns,
    /// GOVCS: which kinds of version control are used for which paths.
    pub govcs: GovcsRules,
    /// GIT_ALLOW_PROTOCOL: where set, the only protocols that git repositories are asked with, separated by colons.
    pub git_allow_protocol: Option<String>,
    /// Whether there is a key to log in over ssh with. Without one, ssh is not even tried.
    pub has_ssh: bool,
    /// User and password for pages.
    pub credentials: Option<Arc<dyn PageCredentials>>,
    /// Longest time until a page's answer begins.
    pub answer_within: Duration,
    /// Longest time for a whole page.
    pub page_within: Duration,
    /// How long a repository that was found is not looked for again.
    pub keep_found: Duration,
    /// How long "there is none" is believed.
    pub keep_absent: Duration,
    /// How long after it was found a repository is still answered while its host cannot be reached.
    pub keep_stale: Duration,
    /// Most pages and most repositories that are remembered.
    pub entries_max: usize,
}

impl Default for LocateSettings {
    /// The go command's rules without any variable set. Pages move rarely, and a host that is down for a day must not
    /// take away modules whose repositories are elsewhere.
    fn default() -> Self {
        Self {
            insecure: PrivatePatterns::default(),
            private: PrivatePatterns::default(),
            govcs: GovcsRules::default(),
            git_allow_protocol: None,
            has_ssh: false,
            credentials: None,
            answer_within: Duration::from_secs(20),
            page_within: Duration::from_secs(30),
            keep_found: Duration::from_secs(60 * 60),
            keep_absent: Duration::from_secs(60),
            keep_stale: Duration::from_secs(24 * 60 * 60),
            entries_max: 2048,
        }
    }
}
