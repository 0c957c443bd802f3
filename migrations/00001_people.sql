-- +goose Up

-- People, sign-ins and what opens what. Times are unix milliseconds, UTC. A
-- "hash" is the SHA-256 of a token, base64url: a copy of this database signs
-- nobody in.

-- One row a person of one official account.
CREATE TABLE users (
    id                 TEXT   NOT NULL PRIMARY KEY, -- ours: a UUID of version 7
    appid              TEXT   NOT NULL,             -- the official account
    openid             TEXT   NOT NULL CHECK (openid <> ''), -- the person within it, WeChat's name for them
    unionid            TEXT,                        -- the same person across accounts; NULL: WeChat gave none; never a key
    nickname           TEXT   NOT NULL DEFAULT '',
    sex                BIGINT NOT NULL DEFAULT 0,   -- 0 unknown, 1 male, 2 female
    language           TEXT   NOT NULL DEFAULT '',
    country            TEXT   NOT NULL DEFAULT '',
    province           TEXT   NOT NULL DEFAULT '',
    city               TEXT   NOT NULL DEFAULT '',
    avatar_url         TEXT   NOT NULL DEFAULT '',  -- at WeChat, as WeChat told it
    privilege          TEXT   NOT NULL DEFAULT '[]', -- JSON list of texts
    scope              TEXT   NOT NULL CHECK (scope IN ('snsapi_base', 'snsapi_userinfo')), -- the widest ever granted
    blocked            BIGINT NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)), -- 1: an admin has shut them out
    first_login_at     BIGINT NOT NULL,
    last_login_at      BIGINT NOT NULL,
    profile_updated_at BIGINT,                      -- NULL until a profile came
    login_count        BIGINT NOT NULL,
    UNIQUE (appid, openid)
) /*STRICT*/;

-- The lists of people are read by these, in both directions.
CREATE INDEX users_by_first_login ON users (first_login_at, id);
CREATE INDEX users_by_last_login ON users (last_login_at, id);
CREATE INDEX users_by_unionid ON users (unionid);
CREATE INDEX users_blocked ON users (first_login_at, id) WHERE blocked = 1;

-- WeChat's refresh_tokens: a table of their own, so that no list of people can
-- leak one.
CREATE TABLE tokens (
    user_id       TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    scope         TEXT   NOT NULL CHECK (scope IN ('snsapi_base', 'snsapi_userinfo')), -- what it opens
    refresh_token TEXT   NOT NULL, -- sealed: v1|kid|base64, bound to this person
    kid           TEXT   NOT NULL, -- the key that sealed it, to find rows of an old key by
    issued_at     BIGINT NOT NULL,
    ends_at       BIGINT NOT NULL, -- WeChat lets it die then: 30 days after issued_at
    dead_reason   TEXT             -- why WeChat refused it before that; NULL: not known to be dead
) /*STRICT*/;

CREATE INDEX tokens_by_issue ON tokens (issued_at);
CREATE INDEX tokens_by_kid ON tokens (kid);

-- Browsers that are signed in. Ending a session is deleting its row.
CREATE TABLE sessions (
    id           TEXT   NOT NULL PRIMARY KEY, -- names it in lists; opens nothing
    token_hash   TEXT   NOT NULL UNIQUE,      -- of the token in the browser's cookie
    kind         TEXT   NOT NULL CHECK (kind IN ('visitor', 'desk')),
    user_id      TEXT REFERENCES users (id) ON DELETE CASCADE, -- NULL: a desk session, which names nobody
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,             -- written at most once an hour
    ends_at      BIGINT NOT NULL,             -- whatever happens
    remote_addr  TEXT   NOT NULL,             -- the browser's address at sign-in
    user_agent   TEXT   NOT NULL,             -- what it called itself then
    CHECK ((kind = 'visitor') = (user_id IS NOT NULL))
) /*STRICT*/;

CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_end ON sessions (ends_at, kind);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

-- Returns from WeChat: the claim on a state and a code, then the history of it.
CREATE TABLE logins (
    id           TEXT   NOT NULL PRIMARY KEY,
    appid        TEXT   NOT NULL,
    state_hash   TEXT   NOT NULL UNIQUE, -- a state is spent once
    code_hash    TEXT   NOT NULL UNIQUE, -- so is a code
    session_hash TEXT   NOT NULL,        -- of the token it signs in with, if it does
    scope        TEXT   NOT NULL,        -- what the trip asked for
    outcome      TEXT   NOT NULL CHECK (outcome IN ('pending', 'signed_in', 'unknown', 'failed')),
    reason       TEXT   NOT NULL,        -- why it failed; '' otherwise
    user_id      TEXT REFERENCES users (id) ON DELETE SET NULL, -- who signed in; NULL: nobody, or erased since
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT,                 -- NULL while pending
    remote_addr  TEXT   NOT NULL,
    user_agent   TEXT   NOT NULL
) /*STRICT*/;

CREATE INDEX logins_by_user ON logins (user_id, started_at);
CREATE INDEX logins_by_time ON logins (started_at, outcome, reason);
CREATE INDEX logins_pending ON logins (started_at) WHERE outcome = 'pending';

-- What admins did, and people about their own data. Only ever added to.
CREATE TABLE events (
    id      TEXT   NOT NULL PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL, -- a user's id, admin-link or command-line
    action  TEXT   NOT NULL,
    subject TEXT   NOT NULL, -- the user id or openid it was done to; '' for none
    detail  TEXT   NOT NULL  -- a reason, a count; never a secret
) /*STRICT*/;

CREATE INDEX events_by_time ON events (at, id);
CREATE INDEX events_by_subject ON events (subject);
CREATE INDEX events_by_actor ON events (actor);

-- Who may open the admin pages by their own login, known as a person or not yet.
CREATE TABLE admins (
    appid      TEXT   NOT NULL,
    openid     TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (appid, openid)
) /*STRICT*/;

-- One-time addresses of the admin pages. Using one deletes it.
CREATE TABLE admin_links (
    token_hash TEXT   NOT NULL PRIMARY KEY,
    ends_at    BIGINT NOT NULL
) /*STRICT*/;
