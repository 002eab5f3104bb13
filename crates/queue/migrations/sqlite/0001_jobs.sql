-- Durable jobs that are not finished, and those given up (dead = 1). One process owns the file, so there are no leases.
create table jobs (
    id           text    not null primary key,
    kind         text    not null,
    payload      blob    not null,
    priority     integer not null,
    acknowledged integer not null,
    attempts     integer not null,
    run_at_ms    integer not null,
    dead         integer not null,
    message      text    not null,
    died_at_ms   integer not null
) without rowid;

create index jobs_by_death on jobs (died_at_ms) where dead = 1;
