//! Who is let in: finds out who asks, and holds what is closed against what they may read.

use std::net::IpAddr;

use catalog::{Catalog, CatalogError};
use gomod::path::ModulePath;
use http::{HeaderMap, Uri};

use crate::answer::Error;
use crate::identity::credential::Credential;
use crate::identity::host::HostRules;
use crate::identity::principal::{Principal, SocketUser};
use crate::identity::record::{Attempt, Record};
use crate::identity::scopes::Verb;
use crate::identity::tokens::Tokens;
use crate::read_rules::ReadRules;

/// What a request says about who sends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who<'a> {
    pub headers: &'a HeaderMap,
    /// Where it comes from; `None` on a unix socket, whose users may do everything.
    pub client: Option<IpAddr>,
    /// The user of the socket, where the system says.
    pub user: Option<SocketUser>,
}

/// What one server knows about who may what.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    pub tokens: Tokens,
    pub record: Record,
    rules: ReadRules,
    /// The stage that all clients are served.
    last: String,
    hosts: HostRules,
}

impl Gatekeeper {
    pub fn new(catalog: &Catalog, rules: ReadRules, last: &str, hosts: HostRules) -> Self {
        Self {
            tokens: Tokens::new(catalog.clone()),
            record: Record::new(catalog.clone()),
            rules,
            last: last.to_owned(),
            hosts,
        }
    }

    /// Whether everyone may read this; only what is open may be kept where nobody is asked for a token.
    pub fn is_open(&self, view: &str, module: Option<&ModulePath>) -> bool {
        self.rules.is_open(&self.last, view, module)
    }

    /// Checks that a request asks under a name of this server; the socket has none.
    pub fn check_host(&self, who: &Who<'_>, uri: &Uri) -> Result<(), Error> {
        if who.client.is_none() || self.hosts.is_met(uri, who.headers) {
            return Ok(());
        }
        Err(Error::Misdirected(
            "this server is not known under the name that the request gives; `public_url` says under which it is"
                .to_owned(),
        ))
    }

    /// Finds out who asks.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] where a token is given and is none, which goes on the record; [`Error::Unavailable`].
    pub async fn identify(&self, who: &Who<'_>, doing: &Attempt) -> Result<Principal, Error> {
        if who.client.is_none() {
            return Ok(Principal::of_socket(who.user));
        }
        let found = match Credential::read(who.headers) {
            Credential::None => return Ok(Principal::Nobody),
            Credential::Foreign => None,
            Credential::Token(secret) => self.tokens.find(&secret).await.map_err(trouble)?,
        };
        found.ok_or_else(|| {
            let attempt = Attempt {
                why: "the token is wrong, expired or revoked".to_owned(),
                ..doing.clone()
            };
            self.record.note(&Principal::Nobody, who.client, attempt);
            Error::Unauthorized(format!(
                "the token that came with the request is not valid here: wrong, expired or revoked\n{}",
                self.how_to_send()
            ))
        })
    }

    /// Checks that a request may read a module in a view, or what a view has that belongs to no module. To be called before
    /// anything is looked up or fetched: who may not read a module gets the same answer whether it exists or not.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] without a token, or with one that is none; [`Error::NotAllowed`] with one that may not read
    /// in that view; [`Error::Hidden`] with one whose modules are others; [`Error::Unavailable`].
    pub async fn check_read(
        &self,
        who: &Who<'_>,
        view: &str,
        module: Option<&ModulePath>,
    ) -> Result<(), Error> {
        if self.is_open(view, module) || who.client.is_none() {
            return Ok(());
        }
        let shown = module.map_or_else(|| format!("view {view}"), ToString::to_string);
        let mut attempt = Attempt {
            verb: Verb::Read.name().to_owned(),
            subject: shown.clone(),
            view: Some(view.to_owned()),
            why: String::new(),
        };
        let by = self.identify(who, &attempt).await?;
        if by == Principal::Nobody {
            return Err(Error::Unauthorized(format!(
                "{shown}: to read this here takes a token\n{}",
                self.how_to_send()
            )));
        }
        let error = if !by.is_allowed(|scopes| scopes.has(Verb::Read) && scopes.is_for_view(view)) {
            Error::NotAllowed(format!("{} may not read in {view}", by.by()))
        } else if module
            .is_some_and(|module| !by.is_allowed(|own| own.is_for_module(module.as_str())))
        {
            Error::Hidden(shown)
        } else {
            return Ok(());
        };
        attempt.why = "the token's scopes do not reach it".to_owned();
        self.record.note(&by, who.client, attempt);
        Err(error)
    }

    /// Where to put a token, in words for users of go.
    fn how_to_send(&self) -> String {
        format!(
            "go sends the one that ~/.netrc has: machine {} login token password granary_...",
            self.hosts.shown()
        )
    }
}

/// A token that cannot be looked up is neither right nor wrong.
fn trouble(cause: CatalogError) -> Error {
    Error::Unavailable {
        what: "the token".to_owned(),
        why: format!(": {}", cause.for_clients()),
        cause: cause.into(),
    }
}
