-- A seal over each row that decides what is served: half of a SHA-256 over the table's name and all other columns. A bit
-- that flips in a page is told from what was written by it. Empty in rows of earlier releases: the scrubber seals them
-- once it has found their blobs right.
alter table versions add column seal blob;
alter table zips add column seal blob;
alter table resolutions add column seal blob;
alter table known_lists add column seal blob;
alter table records add column seal blob;
