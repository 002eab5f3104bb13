//! Reading hashes out of tiles that came from a stranger: a tile is believed only after its hash was found in a believed
//! parent, and the first parents, the tree's edge, only after together they gave the signed root.
//!
//! CVE-2026-56865 was a client that skipped this step for some of its tiles. Here there is no other way to a hash: a
//! tile that was not vouched for cannot be read.

use std::collections::HashMap;

use crate::tile::{Tile, TileError, TileLevel, TileSet, list_edge};
use crate::tree::{Hash, Place, TreeHead, tree_hash};

/// The believed part of a set of tiles, for one head.
#[derive(Debug)]
pub struct Authentic<'a> {
    size: u64,
    tiles: &'a TileSet,
    /// Tiles that were vouched for, with their bytes.
    believed: HashMap<Tile, &'a [u8]>,
}

impl<'a> Authentic<'a> {
    /// Checks the edge of the tree against the head's hash.
    ///
    /// # Errors
    /// [`AuthenticError::Missing`] and [`AuthenticError::Wrong`] as [`Authentic::hash`];
    /// [`AuthenticError::WrongEdge`] if the edge's tiles are not this head's: which of them, nobody can say.
    pub fn new(head: &TreeHead, tiles: &'a TileSet) -> Result<Self, AuthenticError> {
        let mut believed = HashMap::new();
        for tile in list_edge(head.size) {
            believed.insert(tile, find_tile(tiles, tile)?);
        }
        // All that is read for the root is in the edge, and every entry of the edge is read.
        let root = tree_hash(head.size, &mut |place| read(&believed, head.size, place))?;
        if root != head.hash {
            return Err(AuthenticError::WrongEdge);
        }
        Ok(Self {
            size: head.size,
            tiles,
            believed,
        })
    }

    /// Gives the hash at `place`, after the tile that holds it and all above it were checked.
    ///
    /// # Errors
    /// [`AuthenticError::Missing`]: a tile needed for it is not in the set; [`AuthenticError::Wrong`]: it is not what its
    /// parent says, or has another length; [`AuthenticError::NotInTree`].
    pub fn hash(&mut self, place: Place) -> Result<Hash, AuthenticError> {
        let tile = Tile::holding(place, self.size).ok_or(AuthenticError::NotInTree)?;
        self.believe(tile)?;
        read(&self.believed, self.size, place)
    }

    /// Checks a tile of hashes, at the width the tree has it, and all above it.
    ///
    /// # Errors
    /// As [`Authentic::hash`].
    pub fn believe(&mut self, tile: Tile) -> Result<(), AuthenticError> {
        let mut chain = Vec::new();
        let mut next = Some(tile);
        while let Some(tile) = next.filter(|tile| !self.believed.contains_key(tile)) {
            chain.push(tile);
            next = tile.parent(self.size);
            if next.is_none() {
                // Partial and not of the edge: nothing vouches for it.
                return Err(AuthenticError::NotInTree);
            }
        }
        for tile in chain.into_iter().rev() {
            let bytes = find_tile(self.tiles, tile)?;
            let root = tile.root().ok_or(AuthenticError::NotInTree)?;
            let expected = read(&self.believed, self.size, root)?;
            match tile.hash_at(root, bytes) {
                Ok(found) if found == expected => self.believed.insert(tile, bytes),
                _ => return Err(AuthenticError::Wrong { tile }),
            };
        }
        Ok(())
    }
}

/// Reads a hash out of the believed tiles.
fn read(believed: &HashMap<Tile, &[u8]>, size: u64, place: Place) -> Result<Hash, AuthenticError> {
    let tile = Tile::holding(place, size).ok_or(AuthenticError::NotInTree)?;
    let bytes = believed
        .get(&tile)
        .ok_or(AuthenticError::Missing { tile })?;
    tile.hash_at(place, bytes)
        .map_err(|_: TileError| AuthenticError::Wrong { tile })
}

/// Finds a tile's bytes, of the right length.
fn find_tile(tiles: &TileSet, tile: Tile) -> Result<&[u8], AuthenticError> {
    debug_assert!(
        tile.level() != TileLevel::Data,
        "data tiles vouch for nothing"
    );
    let bytes = tiles.get(&tile).ok_or(AuthenticError::Missing { tile })?;
    tile.check_length(bytes)
        .map_err(|_| AuthenticError::Wrong { tile })?;
    Ok(bytes)
}

/// Why a hash could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticError {
    /// The set lacks a tile: fetch it and ask again.
    #[error("{tile} is missing")]
    Missing {
        /// Which.
        tile: Tile,
    },
    /// The bytes are not this tile's.
    #[error("{tile} is not what its parent says")]
    Wrong {
        /// Which.
        tile: Tile,
    },
    /// The tiles of the edge do not give the signed root.
    #[error("the tiles at the tree's edge do not give its root hash")]
    WrongEdge,
    /// The tree is too small.
    #[error("the tree does not hold this")]
    NotInTree,
}

#[cfg(test)]
mod tests;
