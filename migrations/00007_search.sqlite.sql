-- +goose Up

-- What finds people by a part of their nickname. Triggers keep it, whoever writes:
-- the program only reads it.

-- Each end of a nickname, in small letters as LIKE compares them: "Lin小雨" has
-- lin小雨, in小雨, n小雨, 小雨 and 雨. A part of the name begins one of its ends. Those
-- that begin within its first 64 characters; WeChat allows 32.
CREATE TABLE nicknames (
    n       INTEGER NOT NULL PRIMARY KEY, -- a short name for the person in nickname_ends
    user_id TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE nickname_ends (
    ending TEXT    NOT NULL, -- its first 8 characters
    n      INTEGER NOT NULL,
    PRIMARY KEY (ending, n)
) STRICT, WITHOUT ROWID;

INSERT INTO nicknames (user_id) SELECT id FROM users WHERE nickname <> '' ORDER BY id;

INSERT INTO nickname_ends (ending, n)
    WITH RECURSIVE ends (i, name, n) AS (
        SELECT 1, lower(users.nickname), nicknames.n FROM nicknames JOIN users ON users.id = nicknames.user_id
        UNION ALL SELECT i + 1, name, n FROM ends WHERE i < min(length(name), 64)
    )
    SELECT DISTINCT substr(name, i, 8), n FROM ends ORDER BY 1, 2;

-- +goose StatementBegin
CREATE TRIGGER users_named AFTER INSERT ON users WHEN NEW.nickname <> '' BEGIN
    INSERT INTO nicknames (user_id) VALUES (NEW.id);
    INSERT INTO nickname_ends (ending, n)
        SELECT lower(substr(NEW.nickname, i, 8)), n
        FROM nicknames, (WITH RECURSIVE ends (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ends WHERE i < min(length(NEW.nickname), 64)) SELECT i FROM ends)
        WHERE user_id = NEW.id
        ON CONFLICT DO NOTHING; -- "aa…" may have an end twice
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_renamed AFTER UPDATE OF nickname ON users WHEN NEW.nickname <> OLD.nickname BEGIN
    DELETE FROM nickname_ends WHERE n = (SELECT n FROM nicknames WHERE user_id = OLD.id) AND ending IN (
        SELECT lower(substr(OLD.nickname, i, 8))
        FROM (WITH RECURSIVE ends (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ends WHERE i < min(length(OLD.nickname), 64)) SELECT i FROM ends));
    DELETE FROM nicknames WHERE user_id = OLD.id;
    INSERT INTO nicknames (user_id) SELECT NEW.id WHERE NEW.nickname <> '';
    INSERT INTO nickname_ends (ending, n)
        SELECT lower(substr(NEW.nickname, i, 8)), n
        FROM nicknames, (WITH RECURSIVE ends (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ends WHERE i < min(length(NEW.nickname), 64)) SELECT i FROM ends)
        WHERE user_id = NEW.id
        ON CONFLICT DO NOTHING; -- "aa…" may have an end twice
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER users_gone AFTER DELETE ON users WHEN OLD.nickname <> '' BEGIN
    DELETE FROM nickname_ends WHERE n = (SELECT n FROM nicknames WHERE user_id = OLD.id) AND ending IN (
        SELECT lower(substr(OLD.nickname, i, 8))
        FROM (WITH RECURSIVE ends (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM ends WHERE i < min(length(OLD.nickname), 64)) SELECT i FROM ends));
    DELETE FROM nicknames WHERE user_id = OLD.id;
END;
-- +goose StatementEnd

-- This index changes with every login anyway. With the name and the first login in
-- it, a search and a filter by the last login need not read the table, which is in
-- another order.
DROP INDEX users_by_last_login;
CREATE INDEX users_by_last_login ON users (last_login_at, id, nickname, first_login_at);

-- Whose they are, too, for the filter by it.
DROP INDEX tokens_by_end;
CREATE INDEX tokens_by_end ON tokens (ends_at, user_id) WHERE dead_reason IS NULL;
