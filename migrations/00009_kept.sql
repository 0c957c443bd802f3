-- +goose Up

-- Who needs to sign in again, and whose token ends soon, in the order of the last
-- login: nearly all by that order itself, as a token is of the last login. These are
-- the others.

-- users.last_login_at; NULL: it is issued_at. If they differ, the last login has kept
-- the token: it was silent beside a userinfo token, or a desktop's.
ALTER TABLE tokens ADD COLUMN login_at BIGINT;

UPDATE tokens SET login_at = users.last_login_at FROM users
    WHERE users.id = tokens.user_id AND users.last_login_at <> tokens.issued_at;

CREATE INDEX tokens_kept ON tokens (login_at, user_id, ends_at, dead_reason) WHERE login_at <> issued_at;

-- Dead ones that would still live.
DROP INDEX tokens_dead;
CREATE INDEX tokens_dead ON tokens (ends_at, user_id) WHERE dead_reason IS NOT NULL;
