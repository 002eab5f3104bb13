//! Tiles from memory, disk or the database, whichever has them; only proven ones are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, WeakShared, join_all, try_join_all};
use quick_cache::sync::Cache;
use tlog::database::ProofError;
use tlog::tile::{TILE_BYTES, Tile, TileSet};

use super::keeper::TileKeeper;
use super::transport::{DatabaseTransport, TransportError};

/// How many proven tiles stay in memory: 16 MiB of full ones. Above the lowest level the public log has about 1,100.
const TILES_IN_MEMORY_MAX: usize = 2048;

/// When more fetches than this are under way, those that nobody waits for any more are cleared away.
const FLIGHTS_MAX: usize = 256;

type Fetched = Result<Bytes, TransportError>;
type Flight = WeakShared<BoxFuture<'static, Fetched>>;

/// The tiles of one log.
pub(super) struct Tiles {
    transport: Arc<dyn DatabaseTransport>,
    keeper: Arc<dyn TileKeeper>,
    /// Proven tiles by their names at full width; a value may be narrower. Its beginnings are the narrower tiles.
    proven: Cache<Tile, Bytes>,
    /// Fetches under way: who asks for the same tile waits for the same answer.
    flights: Mutex<HashMap<Tile, Flight>>,
}

/// A tile, not yet proven.
struct Found {
    tile: Tile,
    bytes: Bytes,
    from: Source,
}

/// Where a tile was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Memory,
    Disk,
    Database,
}

impl Tiles {
    pub(super) fn new(transport: Arc<dyn DatabaseTransport>, keeper: Arc<dyn TileKeeper>) -> Self {
        let proven = Cache::new(TILES_IN_MEMORY_MAX);
        Self {
            transport,
            keeper,
            proven,
            flights: Mutex::default(),
        }
    }

    /// Gathers tiles, all at once, and has them checked; `check` must read all of them. Gives the tiles and what it
    /// found.
    ///
    /// What was kept may be torn, or may be of another tree if somebody wrote into our storage: if the check does not
    /// like the tiles, kept ones are fetched again, once. Tiles that pass are kept.
    ///
    /// # Errors
    /// The tile that could not be had, and why.
    pub(super) async fn prove<T>(
        &self,
        needed: &[Tile],
        check: impl Fn(&TileSet) -> Result<T, ProofError>,
    ) -> Result<(TileSet, Result<T, ProofError>), (Tile, TransportError)> {
        let mut needed = needed.to_vec();
        needed.sort_unstable();
        needed.dedup();
        let mut found = try_join_all(needed.into_iter().map(|tile| self.find(tile))).await?;
        let mut tiles = to_set(&found);
        let mut verdict = check(&tiles);
        let is_kept = found.iter().any(|found| found.from != Source::Database);
        if matches!(verdict, Err(ProofError::Tiles(_))) && is_kept {
            found = try_join_all(found.into_iter().map(|found| self.renew(found))).await?;
            tiles = to_set(&found);
            verdict = check(&tiles);
        }
        if verdict.is_ok() {
            join_all(found.iter().map(|found| self.keep(found))).await;
        }
        Ok((tiles, verdict))
    }

    async fn find(&self, tile: Tile) -> Result<Found, (Tile, TransportError)> {
        if let Some(bytes) = self.find_proven(tile) {
            return Ok(Found {
                tile,
                bytes,
                from: Source::Memory,
            });
        }
        if let Some(bytes) = self.find_kept(tile).await {
            return Ok(Found {
                tile,
                bytes,
                from: Source::Disk,
            });
        }
        let bytes = self.fetch(tile).await.map_err(|trouble| (tile, trouble))?;
        Ok(Found {
            tile,
            bytes,
            from: Source::Database,
        })
    }

    fn find_proven(&self, tile: Tile) -> Option<Bytes> {
        let bytes = self.proven.get(&tile.widened()?)?;
        let size_bytes = tile.size_bytes()?;
        (bytes.len() >= size_bytes).then(|| bytes.slice(..size_bytes))
    }

    /// What the keeper has: the tile itself or, for a partial one, the beginning of the full one or of the widest
    /// partial one that was seen. With the edge of the newest tree kept, clients can check all of it when nobody else
    /// can be reached.
    async fn find_kept(&self, tile: Tile) -> Option<Bytes> {
        let full = tile.widened()?;
        let size_bytes = tile.size_bytes()?;
        let beginning =
            |bytes: Bytes| (bytes.len() >= size_bytes).then(|| bytes.slice(..size_bytes));
        if let Some(bytes) = self.keeper.get(&full.to_string()).await.and_then(beginning) {
            return Some(bytes);
        }
        if tile.is_full() {
            return None;
        }
        self.keeper.get(&edge_name(full)).await.and_then(beginning)
    }

    /// Fetches a kept tile again.
    async fn renew(&self, old: Found) -> Result<Found, (Tile, TransportError)> {
        if old.from == Source::Database {
            return Ok(old);
        }
        let bytes = self
            .fetch(old.tile)
            .await
            .map_err(|trouble| (old.tile, trouble))?;
        Ok(Found {
            tile: old.tile,
            bytes,
            from: Source::Database,
        })
    }

    async fn keep(&self, found: &Found) {
        if found.from == Source::Memory {
            return;
        }
        let Some(full) = found.tile.widened() else {
            return;
        };
        let known = self.proven.get(&full).map_or(0, |bytes| bytes.len());
        if known <= found.bytes.len() {
            self.proven.insert(full, found.bytes.clone());
        }
        if found.from != Source::Database || known >= found.bytes.len() {
            return;
        }
        let name = if found.tile.is_full() {
            full.to_string()
        } else {
            edge_name(full)
        };
        self.keeper.put(&name, found.bytes.clone()).await;
    }

    /// Fetches a tile from the database, or waits for the fetch that is under way. Dropping the last who waits drops
    /// the fetch.
    async fn fetch(&self, tile: Tile) -> Fetched {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            if flights.len() > FLIGHTS_MAX {
                flights.retain(|_, flight| flight.upgrade().is_some());
            }
            match flights.get(&tile).and_then(WeakShared::upgrade) {
                Some(flight) => flight,
                None => {
                    let transport = Arc::clone(&self.transport);
                    let flight = fetch_from(transport, tile).boxed().shared();
                    if let Some(weak) = flight.downgrade() {
                        flights.insert(tile, weak);
                    }
                    flight
                }
            }
        };
        let fetched = flight.clone().await;
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Only this flight: a newer one of the same tile may have taken off.
        let is_same = flights
            .get(&tile)
            .is_some_and(|weak| weak.upgrade().is_none_or(|other| other.ptr_eq(&flight)));
        if is_same {
            flights.remove(&tile);
        }
        fetched
    }
}

/// Fetches a tile; where a partial one is gone because the log has filled it since, the beginning of the full one.
async fn fetch_from(transport: Arc<dyn DatabaseTransport>, tile: Tile) -> Fetched {
    let size_bytes = tile.size_bytes().unwrap_or(TILE_BYTES);
    let fetched = transport.get(&tile.to_string(), size_bytes as u64).await;
    let Err(TransportError::NotFound { .. }) = &fetched else {
        return fetched;
    };
    let Some(full) = tile.widened().filter(|full| *full != tile) else {
        return fetched;
    };
    match transport.get(&full.to_string(), TILE_BYTES as u64).await {
        Ok(bytes) if bytes.len() == TILE_BYTES => Ok(bytes.slice(..size_bytes)),
        // What is said of the tile that was asked for says more.
        Ok(_) | Err(TransportError::NotFound { .. }) => fetched,
        trouble => trouble,
    }
}

/// The name under which the widest partial tile seen is kept: one file for a place, however often the log grew.
fn edge_name(full: Tile) -> String {
    format!("{full}.edge")
}

fn to_set(found: &[Found]) -> TileSet {
    found
        .iter()
        .map(|found| (found.tile, found.bytes.clone()))
        .collect()
}
