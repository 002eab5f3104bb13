//! Who asks.

use std::sync::Arc;

use crate::identity::scopes::{Scopes, Verb};

/// Where this machine lists its users; who is not in it (a directory service's users) is known by number.
const USERS: &str = "/etc/passwd";

/// More of that list than this is not looked at.
const USERS_BYTES_MAX: u64 = 1 << 20;

/// Who is at the other end of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketUser {
    /// The user's number on this machine.
    pub uid: u32,
}

/// Who asks, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Someone without a token.
    Nobody,
    /// A user of this machine who may use the socket or the data folder, and so may do everything.
    Local {
        /// Name or number.
        user: String,
    },
    /// The holder of a token.
    Token {
        /// Name of the token.
        name: String,
        /// What it may.
        scopes: Arc<Scopes>,
    },
}

impl Principal {
    /// The user with this number.
    pub fn of_user(uid: u32) -> Self {
        Self::Local {
            user: find_user(uid).unwrap_or_else(|| uid.to_string()),
        }
    }

    /// The user of the socket, where the system says which.
    pub fn of_socket(user: Option<SocketUser>) -> Self {
        match user {
            Some(user) => Self::of_user(user.uid),
            None => Self::Local {
                user: "unknown".to_owned(),
            },
        }
    }

    /// As it stands in the record: `local:<user>`, `token:<name>`, `nobody`.
    pub fn by(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Local { user } => format!("local:{user}"),
            Self::Token { name, .. } => format!("token:{name}"),
        }
    }

    /// Whether it may do this anywhere at all.
    pub fn has(&self, verb: Verb) -> bool {
        self.is_allowed(|scopes| scopes.has(verb))
    }

    /// Whether its scopes say yes; users of this machine have no bounds, nobody has nothing.
    pub fn is_allowed(&self, allows: impl FnOnce(&Scopes) -> bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Local { .. } => true,
            Self::Token { scopes, .. } => allows(scopes),
        }
    }
}

fn find_user(uid: u32) -> Option<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(USERS).ok()?;
    file.take(USERS_BYTES_MAX).read_to_string(&mut text).ok()?;
    find_name(&text, uid)
}

fn find_name(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
        (is_plain && number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_known_by_name_or_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nann:x:1000:1000::/home/ann:/bin/sh\n";
        assert_eq!(find_name(users, 0).as_deref(), Some("root"));
        assert_eq!(find_name(users, 1000).as_deref(), Some("ann"));
        assert_eq!(find_name(users, 1001), None);
        assert_eq!(Principal::of_user(u32::MAX - 7).by(), "local:4294967288");
    }

    #[test]
    fn nobody_has_nothing_and_local_users_everything() {
        for verb in Verb::EVERY {
            assert!(!Principal::Nobody.has(verb));
            assert!(Principal::of_user(0).has(verb));
        }
    }
}
