//! The resources of the API, the methods that each knows, and the right that each takes.

use http::Method;

use crate::identity::Verb;

/// Where the API begins.
pub(super) const BASE: &str = "/v1";

/// One resource, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// `/v1/acts`: has something done.
    Acts,
    /// `/v1/acts/<id>`: how it goes.
    Act(String),
    /// `/v1/why/<module@version>`.
    Why(String),
    /// `/v1/verdicts`.
    Verdicts,
    /// `/v1/landings`.
    Landings,
    /// `/v1/views/<stage>/members`: what a view holds, or held.
    Members(String),
    /// `/v1/waivers`.
    Waivers,
    /// `/v1/deeds`: the record of who did what.
    Deeds,
    /// `/v1/tokens`.
    Tokens,
    /// `/v1/tokens/<name>`.
    Token(String),
    /// `/v1/openapi.json`.
    OpenApi,
}

/// Who may use a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Everyone.
    Everyone,
    /// Everyone who may read the module in question, with a token or without; the resource finds out.
    Readers,
    /// Who has this verb.
    Has(Verb),
    /// Who may do anything but read; what exactly, the act says.
    Acts,
}

impl Resource {
    /// What a path without its percent escapes names.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(BASE)?.strip_prefix('/')?;
        let (name, below) = match rest.split_once('/') {
            Some((name, below)) => (
                name,
                Some(below.to_owned()).filter(|below| !below.is_empty())?,
            ),
            None => {
                return Some(match rest {
                    "acts" => Self::Acts,
                    "verdicts" => Self::Verdicts,
                    "landings" => Self::Landings,
                    "waivers" => Self::Waivers,
                    "deeds" => Self::Deeds,
                    "tokens" => Self::Tokens,
                    "openapi.json" => Self::OpenApi,
                    _ => return None,
                });
            }
        };
        match name {
            "why" => Some(Self::Why(below)),
            "acts" if !below.contains('/') => Some(Self::Act(below)),
            "tokens" if !below.contains('/') => Some(Self::Token(below)),
            "views" => {
                let view = below.strip_suffix("/members")?;
                let is_one = !view.is_empty() && !view.contains('/');
                is_one.then(|| Self::Members(view.to_owned()))
            }
            _ => None,
        }
    }

    /// Its path, as the document writes it.
    #[cfg(test)]
    pub fn template(&self) -> &'static str {
        match self {
            Self::Acts => "/v1/acts",
            Self::Act(_) => "/v1/acts/{id}",
            Self::Why(_) => "/v1/why/{of}",
            Self::Verdicts => "/v1/verdicts",
            Self::Landings => "/v1/landings",
            Self::Members(_) => "/v1/views/{view}/members",
            Self::Waivers => "/v1/waivers",
            Self::Deeds => "/v1/deeds",
            Self::Tokens => "/v1/tokens",
            Self::Token(_) => "/v1/tokens/{name}",
            Self::OpenApi => "/v1/openapi.json",
        }
    }

    /// The methods that it knows beside HEAD (which is GET without the body) and OPTIONS.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Self::Acts => &[Method::POST],
            Self::Tokens => &[Method::GET, Method::POST],
            Self::Token(_) => &[Method::DELETE],
            Self::Act(_)
            | Self::Why(_)
            | Self::Verdicts
            | Self::Landings
            | Self::Members(_)
            | Self::Waivers
            | Self::Deeds
            | Self::OpenApi => &[Method::GET],
        }
    }

    /// All methods that it answers, for `Allow`.
    pub fn allowed(&self) -> String {
        let mut names: Vec<&str> = self.methods().iter().map(Method::as_str).collect();
        if self.methods().contains(&Method::GET) {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.join(", ")
    }

    /// The right that it takes.
    pub fn right(&self) -> Right {
        match self {
            Self::OpenApi => Right::Everyone,
            Self::Acts | Self::Act(_) => Right::Acts,
            Self::Why(_) => Right::Readers,
            Self::Verdicts | Self::Landings | Self::Members(_) | Self::Waivers => {
                Right::Has(Verb::Read)
            }
            Self::Deeds => Right::Has(Verb::Admin),
            Self::Tokens | Self::Token(_) => Right::Has(Verb::Token),
        }
    }
}

#[cfg(test)]
pub(super) fn every() -> Vec<Resource> {
    let name = || "x".to_owned();
    vec![
        Resource::Acts,
        Resource::Act(name()),
        Resource::Why(name()),
        Resource::Verdicts,
        Resource::Landings,
        Resource::Members(name()),
        Resource::Waivers,
        Resource::Deeds,
        Resource::Tokens,
        Resource::Token(name()),
        Resource::OpenApi,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources() {
        for resource in every() {
            let path = resource
                .template()
                .replace("{id}", "x")
                .replace("{of}", "x")
                .replace("{view}", "x")
                .replace("{name}", "x");
            assert_eq!(Resource::parse(&path), Some(resource), "{path}");
        }
        assert_eq!(
            Resource::parse("/v1/why/example.com/a/b@v1.0.0"),
            Some(Resource::Why("example.com/a/b@v1.0.0".to_owned()))
        );
        for path in [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v2/acts",
            "/v1acts",
            "/v1/acts/",
            "/v1/why",
            "/v1/why/",
            "/v1/tokens/",
            "/v1/tokens/a/b",
            "/v1/deeds/x",
            "/v1/Acts",
            "/v1//acts",
            "/v1/views",
            "/v1/views/prod",
            "/v1/views//members",
            "/v1/views/a/b/members",
            "/v1/control/x",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }

    #[test]
    fn allow_names_every_method() {
        assert_eq!(Resource::Tokens.allowed(), "GET, POST, HEAD, OPTIONS");
        assert_eq!(Resource::Acts.allowed(), "POST, OPTIONS");
    }
}
