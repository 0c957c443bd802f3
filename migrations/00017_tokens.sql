-- +goose Up

-- A token is an identity's. Those of first identities stay where they are, so that an
-- upgrade touches none of a million rows; these are of the further ones.
CREATE TABLE identity_tokens (
    identity_id   TEXT   NOT NULL PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
    scope         TEXT   NOT NULL CHECK (scope IN ('snsapi_base', 'snsapi_userinfo')), -- this and the rest as in tokens
    refresh_token TEXT   NOT NULL,
    kid           TEXT   NOT NULL,
    issued_at     BIGINT NOT NULL,
    ends_at       BIGINT NOT NULL,
    dead_reason   TEXT,
    due_at        BIGINT
) /*STRICT*/;

CREATE INDEX identity_tokens_by_kid ON identity_tokens (kid);
CREATE INDEX identity_tokens_by_due ON identity_tokens (due_at) WHERE due_at IS NOT NULL AND dead_reason IS NULL;

-- All of a person; to be read by user_id.
CREATE VIEW all_tokens AS
    SELECT user_id, '' AS identity_id, scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at FROM tokens
    UNION ALL
    SELECT identities.user_id, identity_id, identity_tokens.scope, refresh_token, kid, issued_at, ends_at, dead_reason, due_at
        FROM identity_tokens JOIN identities ON identities.id = identity_id;
