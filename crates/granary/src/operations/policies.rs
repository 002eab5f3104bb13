//! How the policies stand: for `granary doctor`, which asks a running server.

use pipeline::policy::Policies;
use serde::{Deserialize, Serialize};

use crate::line::Line;

/// How the policies stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyState {
    /// The operator's folder, if there is one.
    pub folder: Option<String>,
    /// Names of the operator's rules that judge.
    pub own: Vec<String>,
    /// How many rules of those that come with Granary judge.
    pub shipped: usize,
    /// Whether nothing is admitted, because the folder was bad when the server started.
    pub admits_nothing: bool,
    /// Since when the folder is not what judges, and why.
    pub trouble: Option<(String, String)>,
}

impl PolicyState {
    /// The state now.
    pub fn of(policies: &Policies) -> Self {
        let set = policies.current();
        let folder = policies.folder().map(|folder| &folder.path);
        let own = set.rules().iter().filter(|rule| !rule.shipped);
        let trouble = policies.trouble();
        Self {
            folder: folder.map(|path| path.display().to_string()),
            own: own.map(|rule| rule.name.clone()).collect(),
            shipped: set.rules().iter().filter(|rule| rule.shipped).count(),
            admits_nothing: set.is_nobody(),
            trouble: trouble.map(|trouble| (trouble.since.to_string(), trouble.text)),
        }
    }

    /// In one sentence.
    pub fn text(&self) -> String {
        let folder = self.folder.as_deref().unwrap_or_default();
        match &self.trouble {
            Some((since, why)) => format!("{folder} is not taken over since {since}: {why}"),
            None if self.own.is_empty() => {
                format!("the {} rules that come with Granary", self.shipped)
            }
            None => format!(
                "{} from {folder}, and {} rules that come with Granary",
                self.own.join(", "),
                self.shipped
            ),
        }
    }

    /// As the end of an operation.
    pub fn done(&self) -> Line {
        Line::Done {
            well: self.trouble.is_none(),
            text: self.text(),
            data: serde_json::to_value(self).unwrap_or_default(),
        }
    }
}
