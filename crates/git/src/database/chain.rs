//! Puts an object of a pack together from the chain of deltas that leads to it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::object::{Object, ObjectKind};
use crate::pack::MappedPack;
use crate::pack::delta;
use crate::pack::entry::Stored;
use crate::pack::inflate::inflate;

/// Bytes that the bases of deltas may take, those of all databases of the process together: there may be many.
const CACHE_BYTES: u64 = 32 << 20;

/// Size of base that the cache is laid out for: trees and sources mostly.
const CACHE_ITEM_BYTES: u64 = 8 << 10;

/// A base larger than this is not kept: it would drive out hundreds of others.
const CACHED_BASE_BYTES_MAX: usize = 2 << 20;

/// Memory that a cached base costs besides its content.
const CACHE_OVERHEAD_BYTES: u64 = 128;

/// Deltas between an object and a whole one. git writes 4,095 at most; this only ends circles.
const DEPTH_MAX: usize = 65_536;

/// Size of an object or a delta that is met on the way to the one that is wanted, which may be smaller.
pub(super) const ON_THE_WAY_BYTES_MAX: u64 = 192 << 20;

/// Sum of the sizes that are put together for one object, about a second's work. The longest chains that git writes,
/// 4,095 deltas, stay below with objects of 1 MiB, and its usual ones of 50 with 80 MiB.
const WORK_BYTES_MAX: u64 = 4 << 30;

/// What is larger than this is put together by one thread at a time: many at once would fill the memory.
const LARGE_BYTES: u64 = 16 << 20;

static ALONE: Mutex<()> = Mutex::new(());

/// Why an object is not put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Corrupt(&'static str),
    TooLarge { size_bytes: u64, limit_bytes: u64 },
    TooMuchWork { bytes_max: u64 },
}

/// The bytes that may be made on the way to objects; clones share them.
#[derive(Clone)]
pub(super) struct Effort {
    bytes_max: u64,
    made_bytes: Arc<AtomicU64>,
}

impl Effort {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            made_bytes: Arc::default(),
        }
    }

    pub(super) fn unbounded() -> Self {
        Self::new(u64::MAX)
    }

    fn charge(&self, bytes: u64) -> Result<(), Fault> {
        let made_bytes = self.made_bytes.fetch_add(bytes, Ordering::Relaxed);
        match made_bytes.saturating_add(bytes) > self.bytes_max {
            true => Err(Fault::TooMuchWork {
                bytes_max: self.bytes_max,
            }),
            false => Ok(()),
        }
    }
}

impl From<&'static str> for Fault {
    fn from(what: &'static str) -> Self {
        Self::Corrupt(what)
    }
}

/// Bases of deltas that were needed lately, by number of pack and offset.
static BASES: LazyLock<Cache<(u64, u64), Object, BaseWeight>> = LazyLock::new(|| {
    Cache::with_weighter(
        (CACHE_BYTES / CACHE_ITEM_BYTES) as usize,
        CACHE_BYTES,
        BaseWeight,
    )
});

#[derive(Clone)]
struct BaseWeight;

impl Weighter<(u64, u64), Object> for BaseWeight {
    fn weight(&self, _: &(u64, u64), base: &Object) -> u64 {
        base.bytes.len() as u64 + CACHE_OVERHEAD_BYTES
    }
}

/// Kind and size of the object at `offset`, without putting it together.
pub(super) fn read_header(pack: &MappedPack, offset: u64) -> Result<(ObjectKind, u64), Fault> {
    let (header, deflated) = pack.entry_at(offset)?;
    let size_bytes = match header.stored {
        Stored::Whole(kind) => return Ok((kind, header.size_bytes)),
        _ => MappedPack::result_bytes(deflated)?,
    };
    let (mut at, mut stored) = (offset, header.stored);
    for _ in 0..DEPTH_MAX {
        if let Stored::Whole(kind) = stored {
            return Ok((kind, size_bytes));
        }
        at = pack.base_of(at, stored)?.unwrap_or(at);
        stored = pack.entry_at(at)?.0.stored;
    }
    Err(Fault::Corrupt(CIRCLE))
}

const CIRCLE: &str = "its deltas lead in a circle";

/// The object at `offset`. Memory: where something larger than 16 MiB is met on the way, one such object at a time in the
/// whole process, else a few times 16 MiB.
pub(super) fn read(
    pack: &MappedPack,
    offset: u64,
    limit_bytes: u64,
    effort: &Effort,
) -> Result<Object, Fault> {
    if let Some(object) = BASES.get(&(pack.number(), offset)) {
        check_size(object.bytes.len() as u64, limit_bytes)?;
        return Ok(object);
    }
    let (header, deflated) = pack.entry_at(offset)?;
    if let Stored::Whole(kind) = header.stored {
        check_size(header.size_bytes, limit_bytes)?;
        let bytes = inflate(deflated, header.size_bytes as usize)?.into();
        return Ok(Object { kind, bytes });
    }
    let _alone =
        is_large(pack, offset)?.then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
    // The wanted object's delta comes first: it says at once whether the object is too large.
    let wanted = inflate_delta(deflated, header.size_bytes)?;
    check_size(delta::parse(&wanted)?.result_bytes, limit_bytes)?;
    let mut way = Vec::new(); // deltas between the wanted object and the base that is found
    let mut at = pack.base_of(offset, header.stored)?.unwrap_or(offset);
    let mut base = loop {
        if let Some(base) = BASES.get(&(pack.number(), at)) {
            break base;
        }
        let (header, deflated) = pack.entry_at(at)?;
        if let Stored::Whole(kind) = header.stored {
            check_size(header.size_bytes, ON_THE_WAY_BYTES_MAX)?;
            effort.charge(header.size_bytes)?;
            let bytes = inflate(deflated, header.size_bytes as usize)?.into();
            break keep((pack.number(), at), Object { kind, bytes });
        }
        if way.len() == DEPTH_MAX {
            return Err(Fault::Corrupt(CIRCLE));
        }
        way.push((at, header.size_bytes, deflated));
        at = pack.base_of(at, header.stored)?.unwrap_or(at);
    };
    let mut work_bytes = 0;
    for (at, size_bytes, deflated) in way.into_iter().rev() {
        let delta = inflate_delta(deflated, size_bytes)?;
        work_bytes += delta.len() as u64 + base.bytes.len() as u64;
        effort.charge(delta.len() as u64 + base.bytes.len() as u64)?;
        if work_bytes > WORK_BYTES_MAX {
            return Err(Fault::Corrupt("its deltas make more than 4 GiB on the way"));
        }
        base = keep(
            (pack.number(), at),
            apply(&delta, &base, ON_THE_WAY_BYTES_MAX)?,
        );
    }
    apply(&wanted, &base, limit_bytes)
}

/// Whether anything on the way from a whole object to the one at `offset` is large; bases at hand are small.
fn is_large(pack: &MappedPack, offset: u64) -> Result<bool, Fault> {
    let mut at = offset;
    for _ in 0..DEPTH_MAX {
        let (header, deflated) = pack.entry_at(at)?;
        if header.size_bytes > LARGE_BYTES {
            return Ok(true);
        }
        if let Stored::Whole(_) = header.stored {
            return Ok(false);
        }
        if MappedPack::result_bytes(deflated)? > LARGE_BYTES {
            return Ok(true);
        }
        at = pack.base_of(at, header.stored)?.unwrap_or(at);
        if BASES.peek(&(pack.number(), at)).is_some() {
            return Ok(false);
        }
    }
    Err(Fault::Corrupt(CIRCLE))
}

fn check_size(size_bytes: u64, limit_bytes: u64) -> Result<(), Fault> {
    if size_bytes > limit_bytes {
        return Err(Fault::TooLarge {
            size_bytes,
            limit_bytes,
        });
    }
    Ok(())
}

fn inflate_delta(deflated: &[u8], size_bytes: u64) -> Result<Vec<u8>, Fault> {
    check_size(size_bytes, ON_THE_WAY_BYTES_MAX)?;
    Ok(inflate(deflated, size_bytes as usize)?)
}

fn apply(delta: &[u8], base: &Object, limit_bytes: u64) -> Result<Object, Fault> {
    let delta = delta::parse(delta)?;
    check_size(delta.result_bytes, limit_bytes)?;
    let mut result = Vec::new();
    let reserved = result.try_reserve_exact(delta.result_bytes as usize);
    reserved.map_err(|_| "a delta makes more than memory holds")?;
    delta.apply(&base.bytes, &mut result)?;
    Ok(Object {
        kind: base.kind,
        bytes: Bytes::from(result),
    })
}

fn keep(place: (u64, u64), base: Object) -> Object {
    if base.bytes.len() <= CACHED_BASE_BYTES_MAX {
        BASES.insert(place, base.clone());
    }
    base
}
