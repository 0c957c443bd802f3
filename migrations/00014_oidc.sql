-- +goose Up

-- Applications that ask who somebody is, by OpenID Connect, and what they hold. A
-- "hash" is the SHA-256 of a secret, base64url: a copy of this database signs
-- nobody in.

-- One row an application.
CREATE TABLE clients (
    id              TEXT   NOT NULL PRIMARY KEY, -- its client_id
    number          BIGINT NOT NULL UNIQUE,      -- a short name, for a code that a phone reads
    name            TEXT   NOT NULL UNIQUE,      -- shown to people
    secret_hash     TEXT   NOT NULL,             -- '': a public client, which has none
    redirect_uris   TEXT   NOT NULL,             -- JSON list of texts
    logout_uris     TEXT   NOT NULL,             -- JSON list of texts
    backchannel_uri TEXT   NOT NULL,             -- told of logouts; '': it is not
    account         TEXT   NOT NULL,             -- whose people it asks for
    alg             TEXT   NOT NULL CHECK (alg IN ('RS256', 'ES256')), -- of its ID tokens
    native          BIGINT NOT NULL CHECK (native IN (0, 1)),  -- 1: loopback redirect_uris with any port
    email           BIGINT NOT NULL CHECK (email IN (0, 1)),   -- 1: may ask for a made-up address
    wechat          BIGINT NOT NULL CHECK (wechat IN (0, 1)),  -- 1: is told openid and unionid
    trusted         BIGINT NOT NULL CHECK (trusted IN (0, 1)), -- 1: people are not asked
    group_names     TEXT   NOT NULL,             -- JSON list: who may enter; '[]': everybody
    issuer          TEXT   NOT NULL,             -- that we were when it was set up; its tokens name it
    created_at      BIGINT NOT NULL
) /*STRICT*/;

-- What people have agreed to tell whom.
CREATE TABLE consents (
    user_id   TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    scopes    TEXT   NOT NULL, -- separated by spaces
    agreed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client_id)
) /*STRICT*/;

CREATE INDEX consents_by_client ON consents (client_id, agreed_at);

-- One row an authorization: the code first, then what it was redeemed for. Access
-- tokens are not written down: they name the row and are marked with a key.
CREATE TABLE grants (
    id               TEXT   NOT NULL PRIMARY KEY,
    client_id        TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    user_id          TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id       TEXT   REFERENCES sessions (id) ON DELETE SET NULL, -- NULL: it has ended
    sid              TEXT   NOT NULL,        -- that session's id, whatever became of it
    code_hash        TEXT   NOT NULL UNIQUE, -- a code is spent once
    code_ends_at     BIGINT NOT NULL,
    redirect_uri     TEXT   NOT NULL,        -- that the code went to
    challenge        TEXT   NOT NULL,        -- of PKCE; '': none was sent
    nonce            TEXT   NOT NULL,        -- '': none was sent
    scopes           TEXT   NOT NULL,        -- separated by spaces
    method           TEXT   NOT NULL,        -- how they had signed in: sessions.scope
    signed_in_at     BIGINT NOT NULL,        -- and when
    created_at       BIGINT NOT NULL,
    redeemed_at      BIGINT,                 -- NULL: the code was not used yet
    offline          BIGINT NOT NULL CHECK (offline IN (0, 1)), -- 1: it outlives the session
    refresh_hash     TEXT,                   -- of the refresh token's secret; NULL: there is none
    rotated_from     TEXT,                   -- of the one before it, NULL: it is the first
    rotated_at       BIGINT,
    refresh_ends_at  BIGINT
) /*STRICT*/;

CREATE INDEX grants_by_user ON grants (user_id, client_id);
CREATE INDEX grants_by_client ON grants (client_id, created_at);
CREATE INDEX grants_by_session ON grants (session_id, client_id) WHERE session_id IS NOT NULL;
-- What a sweep looks for: codes that nobody redeemed, and what a session has left.
CREATE INDEX grants_unredeemed ON grants (code_ends_at) WHERE redeemed_at IS NULL;
CREATE INDEX grants_left ON grants (created_at) WHERE session_id IS NULL AND offline = 0;
CREATE INDEX grants_by_end ON grants (refresh_ends_at) WHERE refresh_ends_at IS NOT NULL;

-- The keys that sign ID tokens. The newest of an algorithm that may sign already does.
CREATE TABLE signing_keys (
    alg         TEXT   NOT NULL CHECK (alg IN ('RS256', 'ES256')),
    generation  BIGINT NOT NULL, -- 1, 2, 3 …
    kid         TEXT   NOT NULL UNIQUE,
    public_key  TEXT   NOT NULL, -- a JWK
    private_key TEXT   NOT NULL, -- sealed: v1|kid|base64, bound to this kid; '': it signs no more
    sealed_by   TEXT   NOT NULL, -- the key that sealed it
    created_at  BIGINT NOT NULL, -- published since
    signs_at    BIGINT NOT NULL, -- signs since
    PRIMARY KEY (alg, generation)
) /*STRICT*/;

-- Who is still to be told of a logout: one row a client and session, written with
-- the logout.
CREATE TABLE outbox (
    client_id TEXT   NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    sid       TEXT   NOT NULL,
    user_id   TEXT   NOT NULL, -- they may be erased
    noted_at  BIGINT NOT NULL,
    due_at    BIGINT NOT NULL, -- of the next try
    tries     BIGINT NOT NULL,
    PRIMARY KEY (client_id, sid)
) /*STRICT*/;

CREATE INDEX outbox_by_due ON outbox (due_at);

-- How the person signed in: logins.scope. '' for sessions from before this column.
ALTER TABLE sessions ADD COLUMN scope TEXT NOT NULL DEFAULT '';

-- Groups that an admin has put the person in: JSON list of texts, sorted.
ALTER TABLE users ADD COLUMN group_names TEXT NOT NULL DEFAULT '[]';
