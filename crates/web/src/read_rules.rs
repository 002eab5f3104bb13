//! What is open to everyone, and what takes a token to read.

use gomod::path::ModulePath;
use gomod::private::PrivatePatterns;

/// Who may read modules that the operator declared private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateRead {
    /// Everyone who reaches this server.
    #[default]
    Open,
    /// Holders of a token.
    Token,
}

/// Who may read what. The default leaves private modules open.
#[derive(Clone, Debug, Default)]
pub struct ReadRules {
    /// Patterns of private modules.
    pub private: PrivatePatterns,
    /// Who may read those.
    pub private_read: PrivateRead,
    /// Stages before the last one that are open to everyone too.
    pub public_stages: Vec<String>,
}

impl ReadRules {
    /// Whether everyone may read a module in a view, or what a view has that belongs to no module. `last` is the stage that
    /// all clients are served.
    pub fn is_open(&self, last: &str, view: &str, module: Option<&ModulePath>) -> bool {
        let is_open_view = view == last || self.public_stages.iter().any(|open| open == view);
        is_open_view && !module.is_some_and(|module| self.is_closed(module))
    }

    /// The patterns of modules that take a token in every view.
    pub fn closed(&self) -> PrivatePatterns {
        match self.private_read {
            PrivateRead::Open => PrivatePatterns::default(),
            PrivateRead::Token => self.private.clone(),
        }
    }

    /// Whether a module takes a token in every view.
    pub fn is_closed(&self, module: &ModulePath) -> bool {
        self.private_read == PrivateRead::Token && self.private.is_match(module.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_are_early_stages_and_private_modules() {
        let rules = |private_read| ReadRules {
            private: "*.corp.example".parse().unwrap(),
            private_read,
            public_stages: vec!["staging".to_owned()],
        };
        let (open, token) = (rules(PrivateRead::Open), rules(PrivateRead::Token));
        let public: ModulePath = "example.com/m".parse().unwrap();
        let private: ModulePath = "git.corp.example/m".parse().unwrap();
        for (view, module, want_open, want_token) in [
            ("prod", Some(&public), true, true),
            ("prod", Some(&private), true, false),
            ("prod", None, true, true),
            ("staging", Some(&public), true, true),
            ("staging", Some(&private), true, false),
            ("dev", Some(&public), false, false),
            ("dev", Some(&private), false, false),
            ("dev", None, false, false),
        ] {
            assert_eq!(
                open.is_open("prod", view, module),
                want_open,
                "{view} {module:?}"
            );
            assert_eq!(
                token.is_open("prod", view, module),
                want_token,
                "{view} {module:?}"
            );
        }
    }
}
