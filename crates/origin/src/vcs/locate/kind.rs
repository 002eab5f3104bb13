//! The kinds of version control.

use std::fmt;

/// A kind of version control as go-import tags and GOVCS name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vcs {
    /// `git`.
    Git,
    /// `hg`.
    Mercurial,
    /// `svn`.
    Subversion,
    /// `bzr`.
    Bazaar,
    /// `fossil`.
    Fossil,
    /// `mod`: no version control at all, the address is a GOPROXY.
    Mod,
}

impl Vcs {
    /// Every kind that has repositories.
    pub(super) const REPOSITORIES: [Self; 5] = [
        Self::Git,
        Self::Mercurial,
        Self::Subversion,
        Self::Bazaar,
        Self::Fossil,
    ];

    /// The name in tags, in GOVCS and behind the dot in paths: `git`, `hg`, `svn`, `bzr`, `fossil`, `mod`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Mercurial => "hg",
            Self::Subversion => "svn",
            Self::Bazaar => "bzr",
            Self::Fossil => "fossil",
            Self::Mod => "mod",
        }
    }

    /// The kind of that name; capitals count.
    pub fn find(name: &str) -> Option<Self> {
        Self::REPOSITORIES
            .into_iter()
            .chain([Self::Mod])
            .find(|vcs| vcs.name() == name)
    }
}

impl fmt::Display for Vcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
