//! Tiles: 256 neighbouring hashes of one level in one file, and which of them a tree has.
//!
//! Level `L` of tiles holds the hashes of tree level `8 L`: a hash there is the root of one full tile of the level below,
//! which is how a tile is checked against its parent. Only height 8 is known here: no client of Go asks for another.
//!
//! Nothing here says whether a tile's bytes are true; see [`crate::authentic`].
//!
//! Source: golang.org/x/mod, `sumdb/tlog`, `Tile`; the design of the checksum database (golang.org/design/25530-sumdb).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::tree::{Hash, Place, TREE_SIZE_END, list_subtrees, node_hash};

/// How many levels of the tree one tile covers.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes in a full tile.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// Bytes of a full tile of hashes.
pub const TILE_BYTES: usize = TILE_WIDTH as usize * HASH_BYTES;

/// Highest level a tile can have: the next one would begin above 2^63 records.
pub const TILE_LEVEL_MAX: u8 = 7;

/// Bytes of tiles by the tile they are said to be.
pub type TileSet = HashMap<Tile, Bytes>;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileLevel {
    /// Hashes of tree level `8 L`; `L` up to [`TILE_LEVEL_MAX`].
    Hashes(u8),
    /// The records themselves.
    Data,
}

/// A tile by its name: level, number and width. Invariant: some tree below 2^63 records has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    level: TileLevel,
    n: u64,
    width: u16,
}

impl Tile {
    /// The tile of this level, number and width (1 to 256 entries).
    ///
    /// # Errors
    /// [`TileError::NoSuchTile`] if no tree is large enough, or the width is not one.
    pub fn new(level: TileLevel, n: u64, width: u16) -> Result<Self, TileError> {
        let tree_level = match level {
            TileLevel::Hashes(level) if level > TILE_LEVEL_MAX => {
                return Err(TileError::NoSuchTile);
            }
            TileLevel::Hashes(level) => level * TILE_HEIGHT,
            TileLevel::Data => 0,
        };
        let end = (u128::from(n) << TILE_HEIGHT) + u128::from(width);
        let fits = end << tree_level <= u128::from(TREE_SIZE_END);
        if !fits || width == 0 || width > TILE_WIDTH {
            return Err(TileError::NoSuchTile);
        }
        Ok(Self { level, n, width })
    }

    /// The tile that holds the hash at `place`, as wide as a tree of `size` records has it; `None` if that tree is too
    /// small to have the hash.
    pub fn holding(place: Place, size: u64) -> Option<Self> {
        if size >= TREE_SIZE_END || place.end()? > size {
            return None;
        }
        let level = place.level / TILE_HEIGHT;
        // The hash spans 2^(level within the tile) of the tile's entries; one tile holds them all.
        let n = (place.n << (place.level % TILE_HEIGHT)) >> TILE_HEIGHT;
        Self::in_tree(level, n, size)
    }

    /// The tile `n` of a level, as wide as a tree of `size` records has it; `None` if it has nothing there.
    fn in_tree(level: u8, n: u64, size: u64) -> Option<Self> {
        let entries = size.checked_shr(u32::from(level * TILE_HEIGHT))?;
        let width = entries
            .saturating_sub(n << TILE_HEIGHT)
            .min(u64::from(TILE_WIDTH));
        Self::new(TileLevel::Hashes(level), n, u16::try_from(width).ok()?).ok()
    }

    /// Hashes of which level, or records.
    pub fn level(&self) -> TileLevel {
        self.level
    }

    /// Number within the level, from 0.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Number of entries, 1 to [`TILE_WIDTH`].
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it has all its entries: such a tile never changes and is never widened.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile with all its entries; `None` if it is too high for any tree to fill it.
    pub fn widened(&self) -> Option<Self> {
        Self::new(self.level, self.n, TILE_WIDTH).ok()
    }

    /// This tile of hashes as wide as a tree of `size` records has it (for records: the tile of their hashes); `None` if
    /// the tree does not have as much of it.
    pub fn as_in(&self, size: u64) -> Option<Self> {
        let level = match self.level {
            TileLevel::Hashes(level) => level,
            TileLevel::Data => 0,
        };
        Self::in_tree(level, self.n, size).filter(|there| there.width >= self.width)
    }

    /// How many bytes a tile of hashes has; `None` for records, which have no fixed length.
    pub fn size_bytes(&self) -> Option<usize> {
        match self.level {
            TileLevel::Hashes(_) => Some(usize::from(self.width) * HASH_BYTES),
            TileLevel::Data => None,
        }
    }

    /// The tile of hashes above this one that holds this one's root, in a tree of `size` records. `None` for a partial
    /// tile: it has no root yet, the tree's own hash vouches for it.
    pub fn parent(&self, size: u64) -> Option<Self> {
        let TileLevel::Hashes(level) = self.level else {
            return None;
        };
        if !self.is_full() {
            return None;
        }
        Self::holding(self.root_place(level), size)
    }

    /// Where the root of this full tile of hashes stands; `None` for a partial one and for records.
    pub fn root(&self) -> Option<Place> {
        match self.level {
            TileLevel::Hashes(level) if self.is_full() => Some(self.root_place(level)),
            _ => None,
        }
    }

    fn root_place(&self, level: u8) -> Place {
        Place {
            level: (level + 1) * TILE_HEIGHT,
            n: self.n,
        }
    }

    /// Reads the hash at `place` out of this tile's bytes, joining entries where it stands between tile levels.
    ///
    /// # Errors
    /// [`TileError::WrongLength`] if `bytes` is not as long as the width says; [`TileError::NotHere`] if the hash is not
    /// in this tile.
    pub fn hash_at(&self, place: Place, bytes: &[u8]) -> Result<Hash, TileError> {
        let TileLevel::Hashes(level) = self.level else {
            return Err(TileError::NotHere);
        };
        self.check_length(bytes)?;
        let within = place
            .level
            .checked_sub(level * TILE_HEIGHT)
            .ok_or(TileError::NotHere)?;
        // `within` may be 8: the root of the whole tile.
        if within > TILE_HEIGHT || place.end().is_none() {
            return Err(TileError::NotHere);
        }
        let first = place.n << within;
        let start = first
            .checked_sub(self.n << TILE_HEIGHT)
            .ok_or(TileError::NotHere)?;
        if start + (1 << within) > u64::from(self.width) {
            return Err(TileError::NotHere);
        }
        let start = start as usize * HASH_BYTES;
        Ok(subtree_hash(&bytes[start..start + (HASH_BYTES << within)]))
    }

    /// Checks that `bytes` may be this tile's: the length fits.
    ///
    /// # Errors
    /// [`TileError::WrongLength`].
    pub fn check_length(&self, bytes: &[u8]) -> Result<(), TileError> {
        match self.size_bytes() {
            Some(size) if size != bytes.len() => Err(TileError::WrongLength),
            _ => Ok(()),
        }
    }
}

/// Hash over a power of two of hashes.
fn subtree_hash(bytes: &[u8]) -> Hash {
    if let Ok(one) = <[u8; HASH_BYTES]>::try_from(bytes) {
        return Hash(one);
    }
    let (left, right) = bytes.split_at(bytes.len() / 2);
    node_hash(&subtree_hash(left), &subtree_hash(right))
}

/// `tile/8/L/N`, with `N` in groups of three digits (all but the last with an `x` before them) and `.p/W` after it if the
/// tile is partial.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Hashes(level) => write!(f, "tile/{TILE_HEIGHT}/{level}/")?,
            TileLevel::Data => write!(f, "tile/{TILE_HEIGHT}/data/")?,
        }
        let mut groups = vec![self.n % 1000];
        let mut rest = self.n / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        while groups.len() > 1 {
            write!(f, "x{:03}/", groups.pop().unwrap_or_default())?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.is_full() {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

/// Reads the canonical form only: what would be printed otherwise is refused, so that one tile has one name.
impl FromStr for Tile {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let rest = path
            .strip_prefix("tile/8/")
            .ok_or(TileError::MalformedPath)?;
        let (level, rest) = rest.split_once('/').ok_or(TileError::MalformedPath)?;
        let level = match level {
            "data" => TileLevel::Data,
            level => TileLevel::Hashes(level.parse().map_err(|_| TileError::MalformedPath)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().map_err(|_| TileError::MalformedPath)?),
            None => (rest, TILE_WIDTH),
        };
        let mut n = 0_u64;
        for group in number.split('/') {
            let group: u64 = group
                .strip_prefix('x')
                .unwrap_or(group)
                .parse()
                .map_err(|_| TileError::MalformedPath)?;
            n = n.checked_mul(1000).ok_or(TileError::NoSuchTile)?;
            n = n.checked_add(group).ok_or(TileError::NoSuchTile)?;
        }
        let tile = Self::new(level, n, width)?;
        if tile.to_string() == path {
            Ok(tile)
        } else {
            Err(TileError::MalformedPath)
        }
    }
}

/// The partial tiles at the right edge of a tree, from the highest level down: their entries make up the whole tree, so
/// its root hash vouches for all of them at once. At most eight.
pub fn list_edge(size: u64) -> Vec<Tile> {
    let mut edge = Vec::new();
    for place in list_subtrees(0, size) {
        let tile = Tile::holding(place, size);
        if let Some(tile) = tile.filter(|tile| edge.last() != Some(tile)) {
            edge.push(tile);
        }
    }
    edge
}

/// The tiles needed to read the hashes at `places` from a tree of `size` records and to believe them: those that hold
/// them, the parents of those, and the tree's edge. Each once; parents before children.
///
/// # Errors
/// [`TileError::NotHere`] if the tree is too small for a place.
pub fn list_needed(size: u64, places: &[Place]) -> Result<Vec<Tile>, TileError> {
    let mut needed = list_edge(size);
    let mut seen: HashSet<Tile> = needed.iter().copied().collect();
    for &place in places {
        let mut chain = Vec::new();
        let mut next = Some(Tile::holding(place, size).ok_or(TileError::NotHere)?);
        while let Some(tile) = next.filter(|tile| !seen.contains(tile)) {
            chain.push(tile);
            next = tile.parent(size);
        }
        seen.extend(&chain);
        needed.extend(chain.into_iter().rev());
    }
    Ok(needed)
}

/// Writes a data tile: records without their ids, each followed by a blank line.
pub fn format_data<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for text in texts {
        out += text;
        out.push('\n');
    }
    out
}

/// Reads a data tile that has `width` records into their texts.
///
/// # Errors
/// [`TileError::WrongLength`] if there are fewer or more; [`TileError::NotText`] if it is not UTF-8.
pub fn parse_data(bytes: &[u8], width: u16) -> Result<Vec<&str>, TileError> {
    let all = std::str::from_utf8(bytes).map_err(|_| TileError::NotText)?;
    let mut texts = Vec::new();
    let mut rest = all;
    while !rest.is_empty() && texts.len() < usize::from(width) {
        let end = rest.find("\n\n").ok_or(TileError::WrongLength)?;
        texts.push(&rest[..=end]);
        rest = &rest[end + 2..];
    }
    if rest.is_empty() && texts.len() == usize::from(width) {
        Ok(texts)
    } else {
        Err(TileError::WrongLength)
    }
}

/// Why a tile or its path was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not the canonical path of a tile of height 8.
    #[error("malformed tile path")]
    MalformedPath,
    /// No tree below 2^63 records has it.
    #[error("no tree has such a tile")]
    NoSuchTile,
    /// The hash asked for is not in the tile.
    #[error("the tile does not hold this hash")]
    NotHere,
    /// More or fewer entries than the width says.
    #[error("tile of the wrong length")]
    WrongLength,
    /// A data tile that is not UTF-8.
    #[error("data tile is not text")]
    NotText,
}

#[cfg(test)]
mod tests;
