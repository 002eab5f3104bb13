//! Arrows between the modules of a crate run one way: no group of modules may use each other in a circle.
//!
//! An arrow is a path in the code (`use crate::a::B`, `super::b::c()`, `child::d()`) from the file it stands in to the
//! file whose module it names. A `mod` line alone is no arrow: a parent that only holds its children may be used by
//! them. A `pub use` is no arrow either but a signpost: who follows it is counted as using the module behind it. Tests
//! are left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::source::{Source, is_name_byte};
use crate::tree::Tree;

/// A module as the names from the crate's root; the root is empty.
type Module = Vec<String>;

/// The modules of one crate and what they say.
struct Crate<'a> {
    modules: BTreeMap<Module, (&'a str, &'a Source)>,
    /// `pub use` lines: in which module which name stands for which path.
    signposts: BTreeMap<(Module, String), Module>,
}

/// An arrow, with the place where it is drawn.
type Arrows = BTreeMap<Module, BTreeMap<Module, (String, usize)>>;

/// Checks every crate with a `src` folder.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for (file, _) in tree.list_rust("") {
        if let Some((folder, _)) = file.path.split_once("/src/") {
            folders.insert(folder);
        }
    }
    folders
        .into_iter()
        .flat_map(|folder| check_crate(tree, folder))
        .collect()
}

fn check_crate(tree: &Tree, folder: &str) -> Vec<Finding> {
    let arrows = Crate::read(tree, folder).arrows();
    let mut findings = Vec::new();
    for circle in circles(&arrows) {
        let names: Vec<String> = circle.iter().map(show).collect();
        for from in &circle {
            for (to, (path, line)) in arrows
                .get(from)
                .into_iter()
                .flatten()
                .filter(|(to, _)| circle.contains(*to))
            {
                findings.push(Finding::new(
                    path,
                    *line,
                    format!(
                        "{} uses {} in a circle of {} ({})",
                        show(from),
                        show(to),
                        names.len(),
                        names.join(", ")
                    ),
                    "what uses each other can only be read, tested and moved together",
                    "move what both need to a module above them, or turn this arrow round",
                ));
            }
        }
    }
    findings
}

fn show(module: &Module) -> String {
    if module.is_empty() {
        "crate".to_owned()
    } else {
        format!("crate::{}", module.join("::"))
    }
}

impl<'a> Crate<'a> {
    fn read(tree: &'a Tree, folder: &str) -> Self {
        let mut modules = BTreeMap::new();
        let below = format!("{folder}/src/");
        for file in &tree.files {
            let (Some(inside), Some(source)) = (file.path.strip_prefix(&below), &file.source)
            else {
                continue;
            };
            if !tree.is_test_file(&file.path) {
                modules.insert(module_of(inside), (file.path.as_str(), source));
            }
        }
        let mut read = Self {
            modules,
            signposts: BTreeMap::new(),
        };
        for (module, (_, source)) in &read.modules {
            for used in list_uses(source)
                .into_iter()
                .filter(|u| u.public && !source.is_test(u.at))
            {
                if let (Some(path), Some(name)) =
                    (read.absolute(module, &used.path), used.path.last())
                {
                    read.signposts.insert(
                        (module.clone(), used.alias.unwrap_or_else(|| name.clone())),
                        path,
                    );
                }
            }
        }
        read
    }

    fn arrows(&self) -> Arrows {
        let mut arrows: Arrows = BTreeMap::new();
        for (from, (file, source)) in &self.modules {
            let uses = list_uses(source);
            let loose = list_paths(source, &uses);
            let kept = uses
                .into_iter()
                .filter(|u| !u.public)
                .map(|u| (u.at, u.path))
                .chain(loose);
            for (at, path) in kept.filter(|(at, _)| !source.is_test(*at)) {
                let Some(to) = self.absolute(from, &path).and_then(|p| self.owner(&p)) else {
                    continue;
                };
                if to != *from {
                    let place = ((*file).to_owned(), source.line(at));
                    arrows
                        .entry(from.clone())
                        .or_default()
                        .entry(to)
                        .or_insert(place);
                }
            }
        }
        arrows
    }

    /// The path from the crate's root, or none where it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut base = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|w| w == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                if !self.modules.contains_key(&base) {
                    return None; // another crate, or something local
                }
                base.pop();
            }
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    /// The module in whose file a path ends, signposts followed.
    fn owner(&self, path: &[String]) -> Option<Module> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let length = (0..=path.len())
                .rev()
                .find(|n| self.modules.contains_key(&path[..*n]))?;
            let (module, rest) = path.split_at(length);
            let Some(target) = rest
                .first()
                .and_then(|n| self.signposts.get(&(module.to_vec(), n.clone())))
            else {
                return Some(module.to_vec());
            };
            path = target.iter().chain(&rest[1..]).cloned().collect();
        }
        None // signposts that point at each other
    }
}

fn module_of(inside: &str) -> Module {
    let mut parts: Module = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if parts
        .last()
        .is_some_and(|p| matches!(p.as_str(), "lib" | "main" | "mod"))
    {
        parts.pop();
    }
    parts
}

/// One leaf of a `use` line.
struct Use {
    at: usize,
    end: usize,
    path: Vec<String>,
    alias: Option<String>,
    public: bool,
}

fn list_uses(source: &Source) -> Vec<Use> {
    let code = &source.code;
    let mut uses = Vec::new();
    for at in source.find_word("use") {
        let Some(length) = code[at..].find(';') else {
            continue;
        };
        let tree = &code[at + 3..at + length];
        if !tree.starts_with(|c: char| c.is_whitespace()) || tree.contains(['(', '<', '=']) {
            continue; // `use<'a>` of a return type, or a word in a macro
        }
        let before = code[..at].trim_end();
        let public = before.ends_with("pub") || before.ends_with(')') && before.contains("pub(");
        let public = public && !before.ends_with(';') && !before.ends_with('}');
        for (path, alias) in leaves(tree) {
            uses.push(Use {
                at,
                end: at + length,
                path,
                alias,
                public,
            });
        }
    }
    uses
}

/// The leaves of a use tree, e.g. `a::{b, c::{self, d as e}}`. A glob ends at its module.
fn leaves(tree: &str) -> Vec<(Vec<String>, Option<String>)> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let (path, alias) = match tree.split_once(" as ") {
            Some((path, alias)) => (path, Some(alias.trim().to_owned())),
            None => (tree, None),
        };
        let mut parts: Vec<String> = path
            .split("::")
            .map(|p| p.trim().to_owned())
            .filter(|p| !p.is_empty() && p != "*")
            .collect();
        if parts.len() > 1 && parts.last().is_some_and(|p| p == "self") {
            parts.pop();
        }
        return vec![(parts, alias)];
    };
    let prefix: Vec<String> = tree[..open]
        .split("::")
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.is_empty())
        .collect();
    let inside = tree[open + 1..]
        .trim_end()
        .strip_suffix('}')
        .unwrap_or(&tree[open + 1..]);
    let mut found = Vec::new();
    for part in split_top(inside) {
        for (path, alias) in leaves(part) {
            let path: Vec<String> = prefix
                .iter()
                .cloned()
                .chain(path.into_iter().filter(|p| p != "self"))
                .collect();
            found.push((path, alias));
        }
    }
    found
}

fn split_top(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut from) = (0i32, 0);
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.into_iter().filter(|p| !p.trim().is_empty()).collect()
}

/// Paths that stand in the code outside of `use` lines, with at least one `::`.
fn list_paths(source: &Source, uses: &[Use]) -> Vec<(usize, Vec<String>)> {
    let code = source.code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        if !is_name_byte(code[at]) {
            at += 1;
            continue;
        }
        let from = at;
        let mut parts = Vec::new();
        loop {
            let name = (at..code.len())
                .take_while(|i| is_name_byte(code[*i]))
                .count();
            parts.push(source.code[at..at + name].to_owned());
            at += name;
            let goes_on = code[at..].starts_with(b"::")
                && code.get(at + 2).copied().is_some_and(is_name_byte);
            if name == 0 || !goes_on {
                break;
            }
            at += 2;
        }
        let in_use = uses.iter().any(|u| (u.at..u.end).contains(&from));
        let leads_on = from
            .checked_sub(1)
            .is_some_and(|i| code[i] == b':' || code[i] == b'.');
        if parts.len() > 1 && !in_use && !leads_on {
            found.push((from, parts));
        }
    }
    found
}

/// Groups of more than one module that reach each other (strongly connected), by asking each for what it reaches.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<Module>> {
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|m| (m, reached(arrows, m))).collect();
    let mut seen: BTreeSet<&Module> = BTreeSet::new();
    let mut found = Vec::new();
    for (module, theirs) in &reach {
        if seen.contains(module) || !theirs.contains(module) {
            continue;
        }
        let back = |m: &&Module| reach.get(*m).is_some_and(|r| r.contains(module));
        let group: BTreeSet<&Module> = theirs.iter().copied().filter(|m| back(m)).collect();
        seen.extend(&group);
        found.push(group.into_iter().cloned().collect());
    }
    found
}

fn reached<'a>(arrows: &'a Arrows, from: &Module) -> BTreeSet<&'a Module> {
    let mut reached: BTreeSet<&Module> = BTreeSet::new();
    let mut open: Vec<&Module> = arrows
        .get(from)
        .into_iter()
        .flat_map(BTreeMap::keys)
        .collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(arrows.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    reached
}

#[cfg(test)]
mod tests;
