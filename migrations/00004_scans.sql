-- +goose Up

-- Desktops that ask to be signed in by a phone. A row begins when somebody who
-- is signed in opens the desktop's code, never when the code is shown: strangers
-- write nothing here.
CREATE TABLE scans (
    ticket_hash TEXT   NOT NULL PRIMARY KEY, -- of what the code holds
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE, -- who opened it, and alone may answer
    status      TEXT   NOT NULL CHECK (status IN ('opened', 'confirmed', 'refused', 'used')),
    opened_at   BIGINT NOT NULL,
    answered_at BIGINT,                      -- NULL while opened
    ends_at     BIGINT NOT NULL              -- of the code
) /*STRICT*/;

CREATE INDEX scans_by_end ON scans (ends_at);
