//! The scrubber of a running server.

use std::time::Duration;

use super::{EXTENSIONS, blob, check_whole, counted, flip, stored, wait_for_count};
use crate::rig::wait_until;

/// What was open and mapped is dropped too, and healed before anyone asks.
#[test]
fn rot_under_a_running_server_is_found_dropped_and_healed() {
    let rig = stored(3);
    let server = rig.setup.clone().set("scrub.period", "1s").start();
    rig.made.iter().for_each(|made| check_whole(&server, made));
    for made in &rig.made {
        for extension in EXTENSIONS {
            flip(&blob(&rig.setup, made.bytes(extension)), 200);
        }
    }
    wait_for_count(&server, "granary_rotten_blobs", 9);
    wait_for_count(&server, "granary_healed_blobs", 9);
    rig.made.iter().for_each(|made| check_whole(&server, made));
    // A file that is gone is healed as well.
    std::fs::remove_file(blob(&rig.setup, &rig.made[0].zip)).unwrap();
    wait_for_count(&server, "granary_healed_blobs", 10);
    assert_eq!(counted(&server, "granary_rotten_blobs"), 9);
}

/// A restart goes on where the last run stood.
#[test]
fn the_position_survives_a_restart() {
    let rig = stored(6);
    let setup = rig.setup.clone().set("scrub.period", "6s");
    let server = setup.start();
    wait_for_count(&server, "granary_scrubbed_blobs", 10);
    let server = server.kill().start();
    let mut blobs = 0;
    wait_until(Duration::from_secs(60), "a pass", || {
        let passes = counted(&server, "granary_scrub_passes");
        if passes == 0 {
            blobs = counted(&server, "granary_scrubbed_blobs");
        }
        passes > 0
    });
    assert!(blobs < 18, "it began again: {blobs}");
}
