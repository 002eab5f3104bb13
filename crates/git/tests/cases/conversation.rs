//! What the fuzz target `advertisement` does: all that a server says, one thing after the other, as on a stream.

use std::io::{Cursor, Read};

use git::protocol::{Deepen, FetchAsk, ProtocolLimits, Session, Wire, WireError, is_ref_name};

const LIMITS: ProtocolLimits = ProtocolLimits {
    refs_max: 100,
    names_bytes_max: 10_000,
    messages_max: 100,
};

/// A server that says the same whatever it is asked.
struct Recording(Cursor<Vec<u8>>);

impl Wire for Recording {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        Ok(Box::new(&mut self.0))
    }

    fn ask(&mut self, _request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        Ok(Box::new(&mut self.0))
    }

    fn is_stateless(&self) -> bool {
        false
    }
}

/// Greets, lists the refs, fetches what the first one names. Nothing may panic, and what is listed must be sound.
pub fn advertisement(bytes: &[u8]) {
    let recording = Recording(Cursor::new(bytes.to_vec()));
    let Ok(mut session) = Session::open(recording, &LIMITS) else {
        return;
    };
    let Ok(list) = session.list_refs(&["HEAD", "refs/"]) else {
        return;
    };
    assert!(list.refs().len() <= LIMITS.refs_max);
    assert!(list.refs().is_sorted_by(|a, b| a.name < b.name));
    for found in list.refs() {
        assert!(is_ref_name(&found.name));
        assert_eq!(found.id.kind(), session.hash_kind());
        assert!(!found.id.is_null());
        assert_eq!(list.find(&found.name), Some(found));
    }
    let Some(first) = list.refs().first() else {
        return;
    };
    let wants = [first.id];
    let ask = FetchAsk {
        wants: &wants,
        shallow: &wants,
        deepen: Deepen::Commits(1),
        ..FetchAsk::default()
    };
    let fetched = session.fetch(&ask, |pack| {
        let mut bytes = Vec::new();
        pack.read_to_end(&mut bytes).map(|_| bytes)
    });
    if let Ok(fetched) = fetched {
        assert!(fetched.taken.len() < bytes.len());
        assert!(fetched.change.unshallow.iter().all(|id| wants.contains(id)));
    }
}
