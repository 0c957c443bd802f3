-- +goose Up

-- A state is good for ten minutes and a code for five. That they are spent is
-- remembered for as long as that matters, and a bit: with all of half a year in
-- them, the two indexes were the largest of the database, and each login wrote to
-- a page of either that no other login had use for.

-- A constraint can only be left out by making the table anew.
CREATE TABLE logins_anew (
    id           TEXT    NOT NULL PRIMARY KEY,
    appid        TEXT    NOT NULL,
    state_hash   TEXT,             -- NULL: an hour has passed
    code_hash    TEXT,             -- likewise
    session_hash TEXT    NOT NULL, -- of the token it signs in with, if it does
    scope        TEXT    NOT NULL, -- what the trip asked for
    outcome      TEXT    NOT NULL CHECK (outcome IN ('pending', 'signed_in', 'unknown', 'failed')),
    reason       TEXT    NOT NULL, -- why it failed; '' otherwise
    user_id      TEXT REFERENCES users (id) ON DELETE SET NULL, -- who signed in; NULL: nobody, or erased since
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER,          -- NULL while pending
    remote_addr  TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL,
    errcode      INTEGER NOT NULL DEFAULT 0,  -- WeChat's own number for what went wrong; 0: it gave none
    step         TEXT    NOT NULL DEFAULT ''  -- where it was when it failed, or went on without a profile; '' for nowhere
) STRICT;

INSERT INTO logins_anew (id, appid, state_hash, code_hash, session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent, errcode, step)
    SELECT id, appid,
        CASE WHEN outcome = 'pending' OR started_at > (unixepoch() - 3600) * 1000 THEN state_hash END,
        CASE WHEN outcome = 'pending' OR started_at > (unixepoch() - 3600) * 1000 THEN code_hash END,
        session_hash, scope, outcome, reason, user_id, started_at, finished_at, remote_addr, user_agent, errcode, step
    FROM logins ORDER BY rowid;

DROP TABLE logins;
ALTER TABLE logins_anew RENAME TO logins;

CREATE UNIQUE INDEX logins_by_state ON logins (state_hash) WHERE state_hash IS NOT NULL; -- a state is spent once
CREATE UNIQUE INDEX logins_by_code ON logins (code_hash) WHERE code_hash IS NOT NULL;    -- so is a code
-- Those whose hour has passed, and among them what never ended.
CREATE INDEX logins_fresh ON logins (started_at) WHERE state_hash IS NOT NULL;
-- A login is nobody's until it has ended.
CREATE INDEX logins_by_user ON logins (user_id, started_at) WHERE user_id IS NOT NULL;
CREATE INDEX logins_by_time ON logins (started_at, outcome, reason);
CREATE INDEX logins_troubled ON logins (started_at, outcome, reason, errcode) WHERE outcome = 'failed' OR errcode <> 0;
