-- +goose Up

-- A token is an identity's.
ALTER TABLE tokens ADD COLUMN identity_id TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens DROP CONSTRAINT tokens_pkey;
ALTER TABLE tokens ADD PRIMARY KEY (user_id, identity_id);

DROP INDEX tokens_by_end;
-- The lists of people go by the token of the first identity, so that nobody is in one twice.
CREATE INDEX tokens_by_end ON tokens (ends_at, user_id) WHERE identity_id = '';
