//! Sectors that cannot be read any more: some file systems tell all rot that way. It is rot like any other.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{EXTENSIONS, Rig, blob, check_whole, counted, evidence, stop, stored, wait_for_count};
use crate::by_hand::{lines_of, run};
use crate::crash_laboratory::spoiler::compile;
use crate::rig::granary::Setup;
use crate::rig::skip;
use crate::rig::upstream::Lie;

/// Makes a disk lose sectors.
struct BadSectors {
    library: PathBuf,
    list: PathBuf,
}

impl BadSectors {
    /// None yet; nothing, said aloud, where it cannot be done.
    fn new(rig: &Rig) -> Option<Self> {
        match compile("rot/unreadable.c") {
            Ok(library) => Some(Self {
                library,
                list: rig.setup.folder("sectors").join("bad"),
            }),
            Err(why) => {
                skip("sectors that cannot be read", why);
                None
            }
        }
    }

    fn enter(&self, setup: &Setup) -> Setup {
        setup
            .clone()
            .variable("LD_PRELOAD", &self.library.display().to_string())
            .variable("BAD_INODES", &self.list.display().to_string())
    }

    /// From now on these files, and no others, cannot be read.
    fn lose(&self, paths: &[PathBuf]) {
        let lines = paths
            .iter()
            .map(|path| format!("{}\n", path.metadata().unwrap().ino()));
        std::fs::write(&self.list, lines.collect::<String>()).unwrap();
    }
}

#[test]
fn what_cannot_be_read_is_set_aside_and_healed_when_it_is_asked_for() {
    let rig = stored(3);
    let Some(sectors) = BadSectors::new(&rig) else {
        return;
    };
    let paths = |at: usize| {
        let made = &rig.made[at];
        EXTENSIONS.map(|extension| blob(&rig.setup, made.bytes(extension)))
    };
    sectors.lose(&[paths(0), paths(1), paths(2)].concat());
    let mut server = sectors.enter(&rig.setup).start();
    // An upstream that cannot be asked keeps it from being healed, not from being found.
    let refused = rig.made[0].file("zip");
    rig.upstream.lie(&refused, Lie::Status(500, "oh\n"));
    let answer = server.get(&refused);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(
        answer.text().contains(".zip was damaged"),
        "{}",
        answer.text()
    );
    rig.upstream.tell_the_truth();
    run(&sectors.enter(&rig.setup), &["verify", "--repair"], 0);
    rig.made.iter().for_each(|made| check_whole(&server, made));
    assert_eq!(counted(&server, "granary_rotten_blobs"), 9);
    assert_eq!(counted(&server, "granary_healed_blobs"), 9);
    assert_eq!(evidence(&rig.setup), 9);
    assert!(server.log().contains("blob-rotten"), "{}", server.log());
    stop(&mut server);
    run(&rig.setup, &["verify"], 0);
}

#[test]
fn the_scrubber_finds_what_cannot_be_read() {
    let rig = stored(3);
    let Some(sectors) = BadSectors::new(&rig) else {
        return;
    };
    let setup = sectors.enter(&rig.setup).set("scrub.period", "1s");
    let server = setup.start();
    rig.made.iter().for_each(|made| check_whole(&server, made));
    // Mapped and known to be right: nobody but the scrubber reads it again.
    sectors.lose(&[blob(&rig.setup, &rig.made[2].zip)]);
    wait_for_count(&server, "granary_healed_blobs", 1);
    assert_eq!(counted(&server, "granary_rotten_blobs"), 1);
    rig.made.iter().for_each(|made| check_whole(&server, made));
}

#[test]
fn verify_names_each_and_goes_on() {
    let rig = stored(3);
    let Some(sectors) = BadSectors::new(&rig) else {
        return;
    };
    let lost = [
        blob(&rig.setup, &rig.made[0].info),
        blob(&rig.setup, &rig.made[1].go_mod),
        blob(&rig.setup, &rig.made[2].zip),
    ];
    sectors.lose(&lost);
    let setup = sectors.enter(&rig.setup);
    let out = run(&setup, &["verify", "--json"], 1);
    assert_eq!(lines_of(&out, "finding").len(), 3, "{out}");
    let done = &lines_of(&out, "done")[0]["data"];
    assert_eq!((&done["wrong"], &done["blobs"]), (&3.into(), &9.into()));
    run(&setup, &["verify", "--repair"], 0);
    run(&setup, &["verify"], 0);
}
