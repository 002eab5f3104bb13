//! What is tried: operations on a data folder, each with what a client is told when it is done.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rig::database::{Database, NAME};
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, go_mod, noise};
use crate::rig::upstream::{Lie, Upstream};

/// The folder that an operation begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// None: the server makes it, and every table in it.
    Nothing,
    /// One that a server has left in good order, with one version in it.
    Left,
    /// One whose server was killed, with its journals as they were.
    Killed,
    /// As [`Base::Left`], with the catalog as its first migration made it.
    Older,
}

impl Base {
    /// What was acknowledged before the operation.
    pub fn promised(self) -> Vec<Step> {
        match self {
            Self::Nothing => Vec::new(),
            _ => ["info", "mod", "zip"]
                .map(|file| Step::File(KEPT, file))
                .to_vec(),
        }
    }
}

/// Takes back all migrations but the first: the rows keep all that the first release wrote.
const TAKE_BACK: &str = "
    drop index withholdings_by_module;
    alter table landings drop column legal;
    drop table newest_verdicts;
    drop table verdicts;
    drop table waivers;
    drop table tokens;
    drop table deeds;
    alter table versions drop column seal;
    alter table zips drop column seal;
    alter table resolutions drop column seal;
    alter table known_lists drop column seal;
    alter table records drop column seal;
    delete from catalog_migrations where version > 1;";

/// One request, and what makes its answer an acknowledgement.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// A file of a module of the [`World`], by its number.
    File(usize, &'static str),
    /// The list of its versions.
    List(usize),
    /// Its record in the checksum database.
    Record(usize),
    /// Its zip, whose bytes the upstream has changed: the refusal, with those bytes kept apart.
    Refusal(usize),
    /// `granary get` of it, which captures all that it needs.
    Get(usize),
}

/// An operation.
#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    pub base: Base,
    /// Whether the calls of the start count too.
    pub from_start: bool,
    pub steps: &'static [Step],
}

/// Module that is in the folders that were left.
const KEPT: usize = 0;
const FRESH: usize = 1;
const LIED_ABOUT: usize = 2;
const APP: usize = 3;
const NEEDED: usize = 4;

/// All of them.
pub const OPERATIONS: &[Operation] = &[
    Operation {
        name: "first start, with its migrations",
        base: Base::Nothing,
        from_start: true,
        steps: &[],
    },
    Operation {
        name: "start after kill -9",
        base: Base::Killed,
        from_start: true,
        steps: &[Step::File(KEPT, "zip")],
    },
    Operation {
        name: "start with a migration",
        base: Base::Older,
        from_start: true,
        steps: &[Step::File(KEPT, "zip")],
    },
    Operation {
        name: "capture and landing",
        base: Base::Left,
        from_start: false,
        steps: &[
            Step::File(FRESH, "info"),
            Step::File(FRESH, "mod"),
            Step::File(FRESH, "zip"),
        ],
    },
    Operation {
        name: "verification record",
        base: Base::Left,
        from_start: false,
        steps: &[Step::Record(FRESH)],
    },
    Operation {
        name: "version list",
        base: Base::Left,
        from_start: false,
        steps: &[Step::List(FRESH)],
    },
    Operation {
        name: "quarantine",
        base: Base::Left,
        from_start: false,
        steps: &[Step::Refusal(LIED_ABOUT)],
    },
    Operation {
        name: "granary get",
        base: Base::Left,
        from_start: false,
        steps: &[Step::Get(APP)],
    },
];

/// What all trials share: modules, the checksum database that vouches for them, folders to begin with.
pub struct World {
    database: Database,
    pub made: Vec<Made>,
    templates: Setup,
}

impl World {
    pub fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let source = noise(1, 3_000);
        let publish = |name: &str, text: Option<String>| {
            let path = format!("example.com/{name}");
            let text = text.unwrap_or_else(|| go_mod(&path, &[]));
            let files = [
                ("go.mod", text.as_str()),
                ("x.go", "package x\n"),
                ("t", &source),
            ];
            upstream.publish(&path, "v1.0.0", &files)
        };
        let needs = go_mod("example.com/app", &[("example.com/needed", "v1.0.0")]);
        let made = vec![
            publish("kept", None),
            publish("fresh", None),
            publish("lied", None),
            publish("app", Some(needs)),
            publish("needed", None),
        ];
        let templates = Setup::with(&upstream, &database).set("capture.zips", "asked");
        let world = Self {
            database,
            made,
            templates,
        };
        let mut granary = world.templates.start();
        for extension in ["info", "mod", "zip"] {
            let kept = &world.made[KEPT];
            assert_eq!(
                granary.must_get(&kept.file(extension)),
                kept.bytes(extension)
            );
        }
        granary.terminate();
        assert!(granary.wait(std::time::Duration::from_secs(30)).success());
        copy(&world.templates.data(), &world.template(Base::Left));
        let older = world.template(Base::Older);
        copy(&world.templates.data(), &older);
        let mut shell = Command::new("sqlite3");
        let taken_back = shell
            .args(["-bail", "-batch"])
            .arg(older.join("catalog.db"))
            .arg(TAKE_BACK);
        assert!(taken_back.status().unwrap().success());
        let granary = world.templates.start();
        granary.must_get(&world.made[APP].file("mod"));
        drop(granary.kill());
        copy(&world.templates.data(), &world.template(Base::Killed));
        world
    }

    fn template(&self, base: Base) -> PathBuf {
        self.templates.folder("templates").join(format!("{base:?}"))
    }

    /// An upstream that has all modules, and tells the truth unless told otherwise.
    pub fn upstream(&self) -> Upstream {
        let upstream = Upstream::start_with(&self.database);
        for made in &self.made {
            upstream.add(made.clone());
        }
        upstream
    }

    /// An upstream that lies about one zip.
    pub fn lying_upstream(&self) -> Upstream {
        let upstream = self.upstream();
        let lied = &self.made[LIED_ABOUT];
        upstream.lie(&lied.file("zip"), Lie::Body(self.changed_zip()));
        upstream
    }

    /// A sound zip of other contents.
    pub fn changed_zip(&self) -> Vec<u8> {
        let of = &self.made[LIED_ABOUT].of;
        let mut changed = self.made[LIED_ABOUT].clone();
        changed.set_zip(&[
            (format!("{of}/go.mod"), changed.go_mod.clone()),
            (format!("{of}/x.go"), b"package evil\n".to_vec()),
        ]);
        changed.zip
    }

    /// A setup whose folder is as `base` says.
    pub fn setup(&self, base: Base, upstream: &Upstream) -> Setup {
        let setup = Setup::with(upstream, &self.database).set("capture.zips", "asked");
        if base != Base::Nothing {
            copy(&self.template(base), &setup.data());
        }
        setup
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The client was told that it is done, rightly.
    Done,
    /// Trouble here, told as such, or nobody there.
    Trouble(String),
    /// Something that is not so: other bytes, or trouble told as "does not exist".
    Wrong(String),
}

impl Step {
    /// Makes the request; commands run with `setup`.
    pub fn run(self, world: &World, granary: &Granary, setup: &Setup) -> Answer {
        match self {
            Self::File(module, extension) => {
                let made = &world.made[module];
                let answer = granary.get(&made.file(extension));
                judge(&answer, answer.body == made.bytes(extension))
            }
            Self::List(module) => {
                let answer = granary.get(&self.path(world).unwrap());
                let version = world.made[module].of.version().to_string();
                judge(&answer, answer.text().lines().any(|line| line == version))
            }
            Self::Record(module) => {
                let answer = granary.get(&self.path(world).unwrap());
                judge(
                    &answer,
                    answer.text().contains(&world.made[module].h1.to_string()),
                )
            }
            Self::Refusal(_) => {
                let answer = granary.get(&self.path(world).unwrap());
                match answer.status {
                    403 => Answer::Done,
                    0 | 500.. => Answer::Trouble(format!("{}: {}", answer.status, answer.text())),
                    status => Answer::Wrong(format!("{status} for what was changed")),
                }
            }
            Self::Get(module) => {
                let of = world.made[module].of.to_string();
                let output = setup.run(&["get", "--json", &of]);
                if output.status.success() {
                    return Answer::Done;
                }
                Answer::Trouble(String::from_utf8_lossy(&output.stdout).into_owned())
            }
        }
    }

    /// What an upstream is asked when this is not kept here.
    pub fn path(self, world: &World) -> Option<String> {
        let escaped = |module: usize| world.made[module].of.path().escaped();
        match self {
            Self::File(module, extension) => Some(world.made[module].file(extension)),
            Self::List(module) => Some(format!("/{}/@v/list", escaped(module))),
            Self::Record(module) => {
                let of = &world.made[module].of;
                let version = of.version().escaped();
                Some(format!(
                    "/sumdb/{NAME}/lookup/{}@{version}",
                    escaped(module)
                ))
            }
            Self::Refusal(module) => Some(world.made[module].file("zip")),
            Self::Get(_) => None,
        }
    }

    /// What must be there once this was acknowledged. Answers that are passed on are noted before they are given, but
    /// where the note fails they are as right as they were: they are promised only where nothing failed.
    pub fn promised(self, has_failed: bool) -> Vec<Self> {
        match self {
            Self::List(_) | Self::Record(_) if has_failed => Vec::new(),
            Self::Get(_) => {
                let files = |module| ["info", "mod", "zip"].map(|file| Self::File(module, file));
                [files(APP), files(NEEDED)].concat()
            }
            other => vec![other],
        }
    }
}

fn judge(answer: &crate::rig::raw::Answer, is_right: bool) -> Answer {
    match answer.status {
        200 if is_right => Answer::Done,
        200 => Answer::Wrong("other bytes than were published".to_owned()),
        0 | 500.. => Answer::Trouble(format!("{}: {}", answer.status, answer.text())),
        status => Answer::Wrong(format!("{status} for trouble here: {}", answer.text())),
    }
}
