-- +goose Up

-- What the desk asks of a million people.

-- With a profile, or without: whichever are few.
CREATE INDEX users_by_profile ON users (profile_updated_at);

CREATE INDEX tokens_dead ON tokens (user_id) WHERE dead_reason IS NOT NULL;

-- Logins and new people by quarter hour, counted once that is over. A quarter
-- hour without any has no row.
CREATE TABLE tallies (
    slot       BIGINT NOT NULL PRIMARY KEY, -- quarter hours since 1970
    logins     BIGINT NOT NULL,             -- that signed somebody in
    snapshots  BIGINT NOT NULL,
    failures   BIGINT NOT NULL,             -- for another reason
    new_people BIGINT NOT NULL              -- who came for the first time then; some may be erased by now
) /*STRICT*/;

-- How far that has come: slots before it are in tallies, the others are not.
CREATE TABLE tallied (
    what TEXT   NOT NULL PRIMARY KEY, -- 'slots'
    slot BIGINT NOT NULL
) /*STRICT*/;

-- Only the look at the keys at the start used it; users_by_last_login does as well.
DROP INDEX tokens_by_issue;
