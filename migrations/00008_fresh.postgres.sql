-- +goose Up

-- A state is good for ten minutes and a code for five. That they are spent is
-- remembered for as long as that matters, and a bit: with all of half a year in
-- them, the two indexes were the largest of the database, and each login wrote to
-- a page of either that no other login had use for.

ALTER TABLE logins DROP CONSTRAINT logins_state_hash_key;
ALTER TABLE logins DROP CONSTRAINT logins_code_hash_key;
ALTER TABLE logins ALTER COLUMN state_hash DROP NOT NULL; -- NULL: an hour has passed
ALTER TABLE logins ALTER COLUMN code_hash DROP NOT NULL;  -- likewise

DROP INDEX logins_pending;
DROP INDEX logins_by_user;

UPDATE logins SET state_hash = NULL, code_hash = NULL
    WHERE outcome <> 'pending' AND started_at <= (EXTRACT(EPOCH FROM now())::bigint - 3600) * 1000;

CREATE UNIQUE INDEX logins_by_state ON logins (state_hash) WHERE state_hash IS NOT NULL; -- a state is spent once
CREATE UNIQUE INDEX logins_by_code ON logins (code_hash) WHERE code_hash IS NOT NULL;    -- so is a code
-- Those whose hour has passed, and among them what never ended.
CREATE INDEX logins_fresh ON logins (started_at) WHERE state_hash IS NOT NULL;
-- A login is nobody's until it has ended.
CREATE INDEX logins_by_user ON logins (user_id, started_at) WHERE user_id IS NOT NULL;
