//! Which versions a build selects: minimal version selection over the requirement graph, pruned as the go command
//! prunes it for modules of Go 1.17 and later.
//!
//! A pure stepper: it names the `go.mod` files it needs and is called again when they are there; who fetches them,
//! how many at a time and how often, is the caller's business.
//!
//! Source: Go modules reference, minimal version selection, module graph pruning;
//! Go, `cmd/go/internal/modload`, `readModGraph`, `expandGraph`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::go_version;
use crate::modfile::ModFile;
use crate::path::ModulePath;
use crate::version::{ModuleVersion, Version};

/// How many versions one walk looks at. The largest graphs in public, unpruned, have some thousand.
pub const VERSIONS_MAX: usize = 50_000;

/// How many requirements one walk follows; together with [`VERSIONS_MAX`] it bounds the time that hostile files
/// can claim to some seconds.
pub const REQUIREMENTS_MAX: usize = 5_000_000;

/// First Go version whose `go.mod` files name all they need, so that what lies deeper may be left unread.
const PRUNED_SINCE: &str = "1.17";

/// What the graph needs of a `go.mod`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The `go` line.
    pub go: Option<String>,
    /// The required versions; the flag tells those marked `// indirect`.
    pub require: Vec<(ModuleVersion, bool)>,
}

impl Summary {
    /// Takes from a `go.mod` read by [`crate::modfile::parse_lax`] what the graph needs.
    ///
    /// Requirements whose path no proxy could serve (`mycorp/lib`) are left out: they only work where the main
    /// module replaces them.
    pub fn from_lax(file: &ModFile) -> Self {
        Self {
            go: file.go.clone(),
            require: file
                .require
                .iter()
                .filter_map(|require| Some((require.module()?, require.indirect)))
                .collect(),
        }
    }

    fn is_pruned(&self) -> bool {
        self.go
            .as_deref()
            .is_some_and(|go| go_version::compare(go, PRUNED_SINCE).is_ge())
    }
}

/// What has been learnt so far. `None`: the `go.mod` could not be had; its requirements count as empty.
pub type Known = HashMap<ModuleVersion, Option<Arc<Summary>>>;

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These are missing in `known`: at least one, none twice, nearest to the roots first.
    Need(Vec<ModuleVersion>),
    /// Nothing is missing.
    Done(Graph),
}

/// The outcome of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The selected version of every module, sorted by path.
    pub build_list: Vec<ModuleVersion>,
    /// Every version whose `go.mod` the walk read, nearest to the roots first; also those of roots that were then
    /// replaced by higher ones, as the go command reads them too.
    pub go_mods: Vec<ModuleVersion>,
    /// `false` when the walk ended at [`VERSIONS_MAX`] or [`REQUIREMENTS_MAX`] and the rest was left out.
    pub complete: bool,
}

/// Walks the graph of a main module (Go 1.17 or later) that requires `roots`, as `go list -m all` sees it.
///
/// Of a root that is itself of Go 1.17 or later only the direct requirements are taken; of an older one all that
/// lies below. Where another version than a root's is selected, that version becomes the root and the graph is
/// walked again, until they agree. Cycles and modules that require themselves do no harm.
///
/// Cost: one pass over the known part of the graph a call. The number of calls that say [`Step::Need`] is at most
/// the graph's depth, times the number of times that roots move up.
pub fn walk(roots: &[ModuleVersion], known: &Known) -> Step {
    let mut walker = Walker::new(known);
    match walker.settle(roots.to_vec()) {
        Ok(build_list) => Step::Done(walker.finish(build_list)),
        Err(needed) => Step::Need(needed),
    }
}

/// Walks as [`walk`] does, and again with all selected versions as roots, until nothing new is selected.
///
/// A main module of Go 1.17 or later names everything that its packages come from, so a go command that works in
/// it reads the `go.mod` of every selected version, and what the older ones among them require. This is what must
/// be at hand for a build without the outside.
pub fn walk_all(roots: &[ModuleVersion], known: &Known) -> Step {
    let mut walker = Walker::new(known);
    let mut roots = roots.to_vec();
    loop {
        match walker.settle(roots.clone()) {
            Ok(build_list) if walker.complete && build_list != roots => roots = build_list,
            Ok(build_list) => return Step::Done(walker.finish(build_list)),
            Err(needed) => return Step::Need(needed),
        }
    }
}

/// What is kept from one pass over the graph to the next.
struct Walker<'k> {
    known: &'k Known,
    go_mods: Vec<ModuleVersion>,
    read: HashSet<ModuleVersion>,
    /// Requirements followed by all passes together.
    requirements: usize,
    complete: bool,
}

impl<'k> Walker<'k> {
    fn new(known: &'k Known) -> Self {
        Self {
            known,
            go_mods: Vec::new(),
            read: HashSet::new(),
            requirements: 0,
            complete: true,
        }
    }

    /// Makes passes until no root moves up any more; gives the build list, or what is missing.
    fn settle(
        &mut self,
        mut roots: Vec<ModuleVersion>,
    ) -> Result<Vec<ModuleVersion>, Vec<ModuleVersion>> {
        loop {
            let mut pass = Pass::default();
            pass.run(self, &roots);
            if !pass.needed.is_empty() {
                return Err(pass.needed);
            }
            let raised = pass.raise(&roots);
            // Roots only ever move up, to versions that the known files name: this ends.
            if raised == roots || !self.complete {
                return Ok(pass.build_list());
            }
            roots = raised;
        }
    }

    fn finish(self, build_list: Vec<ModuleVersion>) -> Graph {
        Graph {
            build_list,
            go_mods: self.go_mods,
            complete: self.complete,
        }
    }
}

/// One pass over the graph.
#[derive(Default)]
struct Pass {
    selected: HashMap<ModulePath, Version>,
    queue: VecDeque<(ModuleVersion, bool)>,
    /// What has been in the queue, with its pruning: a version may be met first pruned, then not.
    seen: HashSet<(ModuleVersion, bool)>,
    needed: Vec<ModuleVersion>,
    asked: HashSet<ModuleVersion>,
}

impl Pass {
    fn run(&mut self, walker: &mut Walker<'_>, roots: &[ModuleVersion]) {
        for root in roots {
            self.select(root);
            self.enqueue(walker, root, true);
        }
        while let Some((module, pruned)) = self.queue.pop_front() {
            self.visit(walker, module, pruned);
        }
    }

    fn visit(&mut self, walker: &mut Walker<'_>, module: ModuleVersion, pruned: bool) {
        let known = walker.known;
        let summary = match known.get(&module) {
            None => {
                if self.asked.insert(module.clone()) {
                    self.needed.push(module);
                }
                return;
            }
            Some(None) => return,
            Some(Some(summary)) => summary,
        };
        if walker.read.insert(module.clone()) {
            walker.go_mods.push(module);
        }
        // Below an old module everything counts, whatever its own age.
        let goes_on = !pruned || !summary.is_pruned();
        for (required, _) in &summary.require {
            if walker.requirements >= REQUIREMENTS_MAX {
                walker.complete = false;
                return;
            }
            walker.requirements += 1;
            self.select(required);
            if goes_on {
                self.enqueue(walker, required, false);
            }
        }
    }

    fn select(&mut self, module: &ModuleVersion) {
        match self.selected.entry(module.path().clone()) {
            Entry::Vacant(entry) => _ = entry.insert(module.version().clone()),
            Entry::Occupied(mut entry) if entry.get() < module.version() => {
                entry.insert(module.version().clone());
            }
            Entry::Occupied(_) => {}
        }
    }

    fn enqueue(&mut self, walker: &mut Walker<'_>, module: &ModuleVersion, pruned: bool) {
        if self.seen.len() >= VERSIONS_MAX {
            walker.complete = false;
            return;
        }
        if self.seen.insert((module.clone(), pruned)) {
            self.queue.push_back((module.clone(), pruned));
        }
    }

    /// Gives the roots at their selected versions, each module once.
    fn raise(&self, roots: &[ModuleVersion]) -> Vec<ModuleVersion> {
        let mut done = HashSet::new();
        let mut raised = Vec::with_capacity(roots.len());
        for root in roots {
            if done.insert(root.path()) {
                raised.extend(
                    self.selected
                        .get(root.path())
                        .and_then(|v| pair(root.path(), v)),
                );
            }
        }
        raised
    }

    fn build_list(&self) -> Vec<ModuleVersion> {
        let mut list: Vec<ModuleVersion> = self
            .selected
            .iter()
            .filter_map(|(path, v)| pair(path, v))
            .collect();
        list.sort_unstable();
        list
    }
}

/// Pairs a path with a version that was once paired with it.
fn pair(path: &ModulePath, version: &Version) -> Option<ModuleVersion> {
    ModuleVersion::new(path.clone(), version.clone()).ok()
}

#[cfg(test)]
mod tests;
