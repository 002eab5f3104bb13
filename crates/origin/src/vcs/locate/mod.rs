//! From a module path to its repository, as the go command finds it with `GOPROXY=direct`.
//!
//! Known hosts and paths with `.git` and the like name their repository; for all others the page of the path is asked
//! for go-import tags. What a page says is checked before anyone acts on it: the kind of version control against
//! GOVCS, the address against the schemes that are asked. Addresses of the network are judged where they are asked, by
//! the guard of [`Outside`]; a host that could not be asked is never taken for one that said no.
//!
//! Source: cmd/go/internal/vcs, `RepoRootForImportPath`; cmd/go/internal/modfetch, `lookupDirect`.

mod kind;

mod govcs;

mod settings;

mod names;

mod entity;

mod markup;

mod tag;

mod hosts;

mod root;

mod explicit;

mod answers;

mod page;

use std::sync::Arc;

use async_trait::async_trait;
use gomod::path::ModulePath;

use self::answers::{Answers, Lifetimes, is_trouble};
use self::hosts::{Address, Named};
use self::page::Page;
use self::tag::{check_subdirectory, find_tag, shorten};
use super::code::CodeError;
use crate::outside::Outside;

pub use self::explicit::locate_url;
pub use self::govcs::{BadGovcs, GovcsRules};
pub use self::kind::Vcs;
pub use self::settings::{LocateSettings, PageCredentials};
pub use self::tag::{Head, HeadEnd, ImportTag, TagError, read_head};

/// Where a module's repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The beginning of the module path that stands for the repository's root (or its `subdirectory`). As a page wrote
    /// it: it may end with a slash.
    pub root: String,
    /// Kind of version control. With [`Vcs::Mod`], `url` is a GOPROXY to ask for the module's full path.
    pub vcs: Vcs,
    /// Address of the repository, with its scheme, without a password.
    pub url: String,
    /// Folder of the repository below which `root` lies; never upwards, not cleaned otherwise.
    pub subdirectory: Option<String>,
    /// Whether the operator called the module insecure (GOINSECURE).
    pub is_insecure: bool,
}

/// Finds out whether a repository is there.
#[async_trait]
pub trait Probe: std::fmt::Debug + Send + Sync {
    /// Whether there is a repository of that kind at `url`, and it may be read.
    ///
    /// # Errors
    /// [`CodeError`] where the host could not be asked.
    async fn is_there(&self, vcs: Vcs, url: &str) -> Result<bool, CodeError>;
}

/// Finds repositories. Cheap to clone; all clones share what they remember.
#[derive(Clone, Debug)]
pub struct Locator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    outside: Outside,
    probe: Arc<dyn Probe>,
    settings: LocateSettings,
    pages: Answers<Arc<Page>>,
    /// Schemes of repositories whose paths leave them open.
    schemes: Answers<&'static str>,
    /// Whether a path of launchpad.net is a series.
    series: Answers<bool>,
}

impl Locator {
    /// Makes a locator that asks pages over `outside` and repositories over `probe`.
    pub fn new(outside: Outside, probe: Arc<dyn Probe>, settings: LocateSettings) -> Self {
        let lifetimes = Lifetimes {
            found: settings.keep_found,
            absent: settings.keep_absent,
            stale: settings.keep_stale,
        };
        Self {
            inner: Arc::new(Inner {
                outside,
                probe,
                pages: Answers::new(settings.entries_max, lifetimes),
                schemes: Answers::new(settings.entries_max, lifetimes),
                series: Answers::new(settings.entries_max, lifetimes),
                settings,
            }),
        }
    }

    /// Finds the repository of a module.
    ///
    /// # Errors
    /// `Absent` (or `Gone`) where those who were asked answered and there is none; `Forbidden` where a setting forbids
    /// it, which the text names; `Unreachable`, `TooSlow`, `Overloaded` where nobody could say.
    pub async fn find(&self, module: &ModulePath) -> Result<Located, CodeError> {
        let path = module.as_str();
        let is_insecure = self.inner.settings.insecure.is_match(path);
        let unrecognized = |error: CodeError| {
            CodeError::new(
                error.class,
                format!("unrecognized import path {}: {}", shorten(path), error.text),
            )
        };
        let named = hosts::find_named(path).map_err(|why| unrecognized(CodeError::absent(why)))?;
        let located = match named {
            Some(named) => self.inner.find_named(named, is_insecure).await,
            None => match self.inner.find_by_page(path, is_insecure).await {
                Ok(located) => Ok(located),
                Err(error) => {
                    let branch = self.inner.find_launchpad(path, is_insecure).await;
                    branch.ok_or_else(|| unrecognized(error))
                }
            },
        }?;
        if located.root.contains("...") {
            // The go command takes them for wildcards, even where they cannot be any.
            let why = "three dots in the path of a repository".to_owned();
            return Err(unrecognized(CodeError::absent(why)));
        }
        Ok(located)
    }
}

impl Inner {
    async fn find_named(&self, named: Named, is_insecure: bool) -> Result<Located, CodeError> {
        let Named { root, vcs, address } = named;
        self.check_govcs(vcs, &root)?;
        let url = match address {
            Address::Url(url) => url,
            Address::Schemeless(place) => {
                let scheme = self.find_scheme(vcs, &place, is_insecure).await?;
                format!("{scheme}://{place}")
            }
        };
        Ok(Located {
            root,
            vcs,
            url,
            subdirectory: None,
            is_insecure,
        })
    }

    async fn find_scheme(
        &self,
        vcs: Vcs,
        place: &str,
        is_insecure: bool,
    ) -> Result<&'static str, CodeError> {
        let question = format!("{is_insecure} {vcs} {place}");
        let ask = self.ask_schemes(vcs, place, is_insecure);
        self.schemes.get(&question, |_scheme| true, ask).await
    }

    async fn ask_schemes(
        &self,
        vcs: Vcs,
        place: &str,
        is_insecure: bool,
    ) -> Result<&'static str, CodeError> {
        let mut refusal: Option<CodeError> = None;
        for scheme in root::list_schemes(vcs, is_insecure, &self.settings) {
            // There is no question that every fossil server answers, so the go command asks none.
            if vcs == Vcs::Fossil {
                return Ok(scheme);
            }
            match self
                .probe
                .is_there(vcs, &format!("{scheme}://{place}"))
                .await
            {
                Ok(true) => return Ok(scheme),
                Ok(false) => {}
                Err(error) if error.class.is_absence() => {}
                // Trouble is the answer rather than a refusal: then nobody knows.
                Err(error) => match &refusal {
                    Some(first) if is_trouble(first) || !is_trouble(&error) => {}
                    _ => refusal = Some(error),
                },
            }
        }
        Err(refusal.unwrap_or_else(|| {
            let what = if is_insecure { "" } else { "secure " };
            CodeError::absent(format!(
                "no {what}protocol found for repository {}",
                shorten(place)
            ))
        }))
    }

    async fn find_by_page(&self, path: &str, is_insecure: bool) -> Result<Located, CodeError> {
        let page = self.page(path, is_insecure).await?;
        let tag = find_tag(&page.tags, path)
            .map_err(|why| CodeError::absent(format!("{}: {why}", page.url)))?;
        if tag.prefix != path {
            // A path may only speak for itself. For its beginning, the beginning's own page has to say the same.
            let above = self.page(&tag.prefix, is_insecure).await?;
            if find_tag(&above.tags, path) != Ok(tag) {
                return Err(CodeError::absent(format!(
                    "{} and {} disagree about go-import for {}",
                    page.url,
                    above.url,
                    shorten(&tag.prefix)
                )));
            }
        }
        let absent = |what: &str, text: &str, why: &str| {
            CodeError::absent(format!("{}: {what} {}{why}", page.url, shorten(text)))
        };
        check_subdirectory(&tag.subdirectory).map_err(|why| {
            absent(
                "invalid subdirectory",
                &tag.subdirectory,
                &format!(": {why}"),
            )
        })?;
        let vcs = Vcs::find(&tag.vcs).ok_or_else(|| absent("unknown vcs", &tag.vcs, ""))?;
        root::check_address(&tag.repository, vcs, is_insecure, &self.settings).map_err(
            |error| CodeError::new(error.class, format!("{}: {}", page.url, error.text)),
        )?;
        self.check_govcs(vcs, &tag.prefix)?;
        let subdirectory =
            Some(tag.subdirectory.clone()).filter(|folder| !folder.is_empty() && vcs != Vcs::Mod);
        Ok(Located {
            root: tag.prefix.clone(),
            vcs,
            url: tag.repository.clone(),
            subdirectory,
            is_insecure,
        })
    }

    /// The page of a path, which speaks for every path below it as well, so it is remembered by itself.
    async fn page(&self, path: &str, is_insecure: bool) -> Result<Arc<Page>, CodeError> {
        let question = format!("{is_insecure} {path}");
        let ask = async {
            let page = page::get_page(&self.outside, &self.settings, path, is_insecure).await?;
            Ok(Arc::new(page))
        };
        self.pages.get(&question, |page| page.is_small(), ask).await
    }

    /// Launchpad's branches are found without tags, but only after tags: it may serve some one day.
    async fn find_launchpad(&self, path: &str, is_insecure: bool) -> Option<Located> {
        let branch = hosts::find_launchpad(path)?;
        let is_allowed = |root: &str| self.check_govcs(Vcs::Bazaar, root).is_ok();
        let root = match branch.shorter {
            None => branch.root,
            Some((shorter, _)) if !is_allowed(&branch.root) && !is_allowed(&shorter) => {
                return None;
            }
            Some((shorter, file)) => {
                let ask = async { Ok(page::is_there(&self.outside, &self.settings, &file).await) };
                let is_series = self.series.get(&file, |_is_series| true, ask).await;
                if is_series == Ok(true) {
                    branch.root
                } else {
                    shorter
                }
            }
        };
        is_allowed(&root).then(|| Located {
            url: format!("https://{root}"),
            root,
            vcs: Vcs::Bazaar,
            subdirectory: None,
            is_insecure,
        })
    }

    fn check_govcs(&self, vcs: Vcs, root: &str) -> Result<(), CodeError> {
        self.settings.govcs.check(vcs, root, &self.settings.private)
    }
}
