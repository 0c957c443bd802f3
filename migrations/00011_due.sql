-- +goose Up

-- Whose token has ended, and whose ends soon, are two ranges of one index: they are
-- listed by the token's end. A token that dies before its time ends when it dies.

-- When those died was not written down; that they lived when they were issued is
-- all that is known.
UPDATE tokens SET ends_at = issued_at WHERE dead_reason IS NOT NULL AND ends_at > issued_at;

DROP INDEX tokens_kept;
DROP INDEX tokens_dead;
DROP INDEX tokens_by_end;
CREATE INDEX tokens_by_end ON tokens (ends_at, user_id);

ALTER TABLE tokens DROP COLUMN login_at;
