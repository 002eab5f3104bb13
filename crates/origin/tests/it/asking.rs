//! Upstreams with short bounds, and the questions that tests put to them.

use std::time::Duration;

use gomod::path::ModulePath;
use gomod::version::ModuleVersion;
use origin::outside::{Outside, OutsideConfig, Pace};
use origin::privacy::Privacy;
use origin::upstream::{
    Fetched, ModuleFile, UpstreamBounds, UpstreamError, UpstreamList, Upstreams,
};

pub const INSTANCE: &str = "0192-test";

/// A configuration whose bounds end within about a second.
pub fn config() -> OutsideConfig {
    let mut config = OutsideConfig::new("0.0.0", "https://example.com/granary", INSTANCE);
    config.connect_within = Duration::from_secs(1);
    config.pace = Pace {
        silence_max: Duration::from_millis(400),
        window: Duration::from_millis(300),
        bytes_min: 1024,
    };
    config
}

pub fn bounds() -> UpstreamBounds {
    UpstreamBounds {
        answer_within: Duration::from_secs(1),
        small_within: Duration::from_secs(2),
        zip_within: Duration::from_secs(5),
        zip_bytes_max: 1 << 20,
    }
}

pub fn upstreams_of(config: &OutsideConfig, list: &str) -> Upstreams {
    let list: UpstreamList = list.parse().unwrap();
    Upstreams::new(
        Outside::new(config).unwrap(),
        &list,
        None,
        Privacy::default(),
        bounds(),
        None,
    )
}

pub fn upstreams(list: &str) -> Upstreams {
    upstreams_of(&config(), list)
}

pub fn module() -> ModulePath {
    "example.com/m".parse().unwrap()
}

pub fn version() -> ModuleVersion {
    "example.com/m@v1.0.0".parse().unwrap()
}

pub fn go_mod() -> ModuleFile {
    ModuleFile::Mod(version().version().clone())
}

/// Asks for the go.mod of `example.com/m@v1.0.0`, at most 64 KiB.
pub async fn ask(upstreams: &Upstreams) -> Result<Fetched, UpstreamError> {
    upstreams.get_small(&module(), &go_mod(), 64 * 1024).await
}

/// Asks one list for a go.mod that must not be had.
#[track_caller]
pub fn refused(asked: Result<Fetched, UpstreamError>) -> UpstreamError {
    match asked {
        Ok(fetched) => panic!("got {fetched:?}"),
        Err(error) => error,
    }
}

/// Checks that an error's text says something.
#[track_caller]
pub fn check_says(error: &UpstreamError, want: &str) {
    assert!(
        error.text.contains(want),
        "{:?} does not say {want:?}",
        error.text
    );
}
