-- +goose Up

-- One person, several doors: the official account, a website's QR code, a mini
-- program. A row of users has the identity that the person first came with, as ever;
-- the others are here. Who has come by one door alone has no row in any table of
-- this file.
--
-- Elsewhere identity_id says which of a person's identities something is of: NULL,
-- or '' in a primary key, is the first one, and else the id of a row here.

CREATE TABLE identities (
    id             TEXT   NOT NULL PRIMARY KEY, -- ours; of who was a person of their own before, the id that they had
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE, -- whose it is
    appid          TEXT   NOT NULL,
    openid         TEXT   NOT NULL CHECK (openid <> ''),
    unionid        TEXT,                         -- NULL: WeChat gave none; within one Open Platform account it joins
    scope          TEXT   NOT NULL CHECK (scope IN ('snsapi_base', 'snsapi_userinfo')), -- the widest ever granted
    first_login_at BIGINT NOT NULL,
    last_login_at  BIGINT NOT NULL,
    login_count    BIGINT NOT NULL,
    linked         TEXT   NOT NULL CHECK (linked IN ('unionid', 'join', 'link')), -- it was new and had a known unionid; an admin; the person
    linked_at      BIGINT NOT NULL,
    UNIQUE (appid, openid) -- nor is it anybody's in users: who adds one looks there
) /*STRICT*/;

CREATE INDEX identities_by_user ON identities (user_id);
CREATE INDEX identities_by_unionid ON identities (unionid) WHERE unionid IS NOT NULL;
CREATE INDEX identities_by_openid ON identities (openid);
CREATE INDEX identities_by_link ON identities (linked_at, id);

-- People who have been joined to another, as they were: all that an undo needs.
CREATE TABLE joined_people (
    identity_id TEXT NOT NULL PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE, -- the id that they had
    person      TEXT NOT NULL, -- JSON: their row of users
    came_with   TEXT NOT NULL, -- JSON list: ids of the further identities that they had
    rest        TEXT NOT NULL, -- JSON: their rows of consents, proposals and pictures
    kept        TEXT NOT NULL  -- JSON: what the join has changed of the other
) /*STRICT*/;

-- Two people who have the same unionid within one Open Platform account.
CREATE TABLE proposals (
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE, -- who came first
    other_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    unionid      TEXT   NOT NULL,
    noted_at     BIGINT NOT NULL,
    dismissed_at BIGINT, -- an admin has said that they are two, or has undone their join; NULL: nobody has yet
    PRIMARY KEY (user_id, other_id)
) /*STRICT*/;

CREATE INDEX proposals_by_other ON proposals (other_id);
CREATE INDEX proposals_open ON proposals (noted_at) WHERE dismissed_at IS NULL;

-- By which identity they signed in, and of which the rest is.
ALTER TABLE sessions ADD COLUMN identity_id TEXT;
ALTER TABLE logins ADD COLUMN identity_id TEXT;
ALTER TABLE scans ADD COLUMN identity_id TEXT;
ALTER TABLE grants ADD COLUMN identity_id TEXT;
