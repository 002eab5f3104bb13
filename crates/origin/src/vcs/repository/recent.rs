//! What was found out lately about repositories and takes much memory: lists of refs, sets of commits. Kept within a bound
//! for all repositories together, the last one whatever its size.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things kept at most, so that looking through them stays cheap.
const KEPT_MAX: usize = 1024;

/// Values by key; those used longest ago go first.
#[derive(Debug)]
pub struct Recent<K, V> {
    bytes_max: u64,
    kept: Mutex<VecDeque<Kept<K, V>>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    key: K,
    value: Arc<V>,
    bytes: u64,
}

impl<K: PartialEq, V> Recent<K, V> {
    /// Keeps so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            kept: Mutex::default(),
        }
    }

    /// What is kept under `key`.
    pub fn find(&self, key: &K) -> Option<Arc<V>> {
        let mut kept = self.lock();
        let at = kept.iter().position(|one| one.key == *key)?;
        let found = kept.remove(at)?;
        let value = Arc::clone(&found.value);
        kept.push_back(found);
        Some(value)
    }

    /// Keeps a value of so many bytes instead of the one under its key.
    pub fn put(&self, key: K, value: Arc<V>, bytes: u64) {
        let mut kept = self.lock();
        kept.retain(|one| one.key != key);
        kept.push_back(Kept { key, value, bytes });
        let mut sum: u64 = kept.iter().map(|one| one.bytes).sum();
        while kept.len() > 1 && (sum > self.bytes_max || kept.len() > KEPT_MAX) {
            sum -= kept.pop_front().map_or(0, |gone| gone.bytes);
        }
    }

    /// Keeps nothing under `key` any more.
    pub fn forget(&self, key: &K) {
        self.lock().retain(|one| one.key != *key);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept<K, V>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_and_the_last_one_stays() {
        let recent = Recent::new(100);
        for (key, bytes) in [('a', 40), ('b', 40), ('b', 50)] {
            recent.put(key, Arc::new(bytes), bytes);
        }
        assert!(recent.find(&'a').is_some());
        recent.put('c', Arc::new(1), 20);
        assert!(recent.find(&'b').is_none(), "a was used after it");
        assert!(recent.find(&'a').is_some() && recent.find(&'c').is_some());
        recent.put('d', Arc::new(1), 1000);
        assert!(recent.find(&'d').is_some() && recent.find(&'a').is_none());
        recent.forget(&'d');
        assert!(recent.find(&'d').is_none());
    }
}
