//! The library that spoils calls, built for the test run, and how a server is started with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::rig::granary::Setup;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL before the call is made.
    Kill,
    /// The disk is broken.
    Eio,
    /// It is full.
    Enospc,
    /// The quota is used up.
    Edquot,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::Kill, Self::Eio, Self::Enospc, Self::Edquot];

    /// For the library: an errno of Linux.
    fn as_text(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Eio => "5",
            Self::Enospc => "28",
            Self::Edquot => "122",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill -9",
            Self::Eio => "EIO",
            Self::Enospc => "ENOSPC",
            Self::Edquot => "EDQUOT",
        })
    }
}

/// The library.
pub struct Spoiler {
    library: PathBuf,
}

impl Spoiler {
    /// Compiles it once a test run.
    pub fn build() -> &'static Result<Self, &'static str> {
        static BUILT: OnceLock<Result<Spoiler, &'static str>> = OnceLock::new();
        BUILT.get_or_init(|| {
            let library = compile("crash_laboratory/fault.c")?;
            Ok(Self { library })
        })
    }

    /// The setup with the library in its server. Nothing is counted before the file at [`arm`] is there.
    pub fn enter(&self, setup: &Setup, spoil: Option<(usize, Fault)>) -> Setup {
        let variables = self.variables(setup, spoil).into_iter();
        variables.fold(setup.clone(), |setup, (name, value)| {
            setup.variable(name, &value)
        })
    }

    /// What the library wants to know.
    pub fn variables(
        &self,
        setup: &Setup,
        spoil: Option<(usize, Fault)>,
    ) -> Vec<(&'static str, String)> {
        let (at, fault) = spoil.unwrap_or((0, Fault::Kill));
        vec![
            ("LD_PRELOAD", self.library.display().to_string()),
            ("LAB_FOLDER", setup.data().display().to_string()),
            ("LAB_LOG", log(setup).display().to_string()),
            ("LAB_ARM", arm(setup).display().to_string()),
            ("LAB_AT", at.to_string()),
            ("LAB_FAULT", fault.as_text().to_owned()),
        ]
    }
}

/// Compiles a library to be loaded into servers; says so where there is no compiler.
pub fn compile(source: &str) -> Result<PathBuf, &'static str> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it")
        .join(source);
    let name = source.file_stem().unwrap().to_str().unwrap();
    let library = folder.join(format!("{name}-{}.so", std::process::id()));
    // Another test may be loading the one that it has compiled: it must never see a part of ours.
    let fresh = tempfile::NamedTempFile::new_in(folder).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
        .arg(fresh.path())
        .arg(&source)
        .output();
    match built {
        Ok(output) if output.status.success() => {
            fresh.persist(&library).unwrap();
            Ok(library)
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => Err("there is no C compiler"),
    }
}

/// Where the calls are written down.
pub fn log(setup: &Setup) -> PathBuf {
    setup.folder("laboratory").join("calls")
}

/// The file with which counting begins.
pub fn arm(setup: &Setup) -> PathBuf {
    setup.folder("laboratory").join("armed")
}
