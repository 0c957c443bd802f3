-- +goose Up

-- Profiles are fetched anew in the background, with the stored tokens.

-- When the person's profile is to be fetched next; NULL: not with this token.
ALTER TABLE tokens ADD COLUMN due_at BIGINT;

CREATE INDEX tokens_by_due ON tokens (due_at) WHERE due_at IS NOT NULL AND dead_reason IS NULL;

-- Which process does a job that only one should do at a time.
CREATE TABLE leases (
    job     TEXT   NOT NULL PRIMARY KEY,
    owner   TEXT   NOT NULL, -- a process; changes with every start
    ends_at BIGINT NOT NULL  -- it is anybody's then
) /*STRICT*/;
