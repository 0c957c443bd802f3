-- +goose Up

-- A token is an identity's. The column in the primary key takes a new table.
CREATE TABLE tokens_anew (
    user_id       TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    identity_id   TEXT    NOT NULL DEFAULT '',
    scope         TEXT    NOT NULL CHECK (scope IN ('snsapi_base', 'snsapi_userinfo')), -- what it opens
    refresh_token TEXT    NOT NULL, -- sealed: v1|kid|base64, bound to this identity's openid
    kid           TEXT    NOT NULL, -- the key that sealed it, to find rows of an old key by
    issued_at     INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL, -- WeChat lets it die then: 30 days after issued_at; or when it died before that
    dead_reason   TEXT,             -- why WeChat refused it before its time; NULL: not known to be dead
    due_at        INTEGER,          -- when the profile is to be fetched next; NULL: not with this token
    PRIMARY KEY (user_id, identity_id)
) STRICT;

INSERT INTO tokens_anew (user_id, scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at)
    SELECT user_id, scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at FROM tokens ORDER BY rowid;

DROP TABLE tokens;
ALTER TABLE tokens_anew RENAME TO tokens;

CREATE INDEX tokens_by_kid ON tokens (kid);
CREATE INDEX tokens_by_due ON tokens (due_at) WHERE due_at IS NOT NULL AND dead_reason IS NULL;
-- The lists of people go by the token of the first identity, so that nobody is in one twice.
CREATE INDEX tokens_by_end ON tokens (ends_at, user_id) WHERE identity_id = '';
