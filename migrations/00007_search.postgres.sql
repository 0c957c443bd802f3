-- +goose Up

-- What finds people by a part of their nickname, and tells how many there are.
-- Triggers keep it, whoever writes: the program only reads it.

-- Each end of a nickname, in small letters as ILIKE compares them: "Lin小雨" has
-- lin小雨, in小雨, n小雨, 小雨 and 雨. A part of the name begins one of its ends. Those
-- that begin within its first 64 characters; WeChat allows 32.
CREATE TABLE nicknames (
    n       INTEGER NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- a short name for the person in nickname_ends
    user_id TEXT    NOT NULL UNIQUE
);

CREATE TABLE nickname_ends (
    n      INTEGER NOT NULL,
    ending TEXT COLLATE "C" NOT NULL, -- its first 8 characters
    PRIMARY KEY (ending, n)
);

-- How many rows there are, as PostgreSQL reads all of them to count: the sum of all
-- shards. A server process has its own, so that logins do not wait for each other.
CREATE TABLE totals (
    shard    INTEGER NOT NULL PRIMARY KEY,
    people   BIGINT  NOT NULL,
    sessions BIGINT  NOT NULL -- of visitors; some may have ended and not be swept yet
);

-- Until this is through, nobody else writes.
LOCK TABLE users, sessions IN SHARE ROW EXCLUSIVE MODE;

-- +goose StatementBegin
CREATE FUNCTION ends_of(nickname TEXT) RETURNS SETOF TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT substr(lower(nickname), i, 8) FROM generate_series(1, LEAST(char_length(lower(nickname)), 64)) AS i
$$;
-- +goose StatementEnd

INSERT INTO nicknames (user_id) SELECT id FROM users WHERE nickname <> '' ORDER BY id;
INSERT INTO nickname_ends (n, ending)
    SELECT n, ending FROM nicknames JOIN users ON users.id = nicknames.user_id CROSS JOIN LATERAL ends_of(nickname) AS ending;
INSERT INTO totals (shard, people, sessions)
    SELECT -1, (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM sessions WHERE kind = 'visitor');

-- +goose StatementBegin
CREATE FUNCTION index_nickname() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    number INTEGER;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.nickname <> '' THEN
        DELETE FROM nicknames WHERE user_id = OLD.id RETURNING n INTO number;
        -- An array, so that whatever the planner knows, it takes the index.
        DELETE FROM nickname_ends WHERE n = number AND ending = ANY (ARRAY(SELECT ends_of(OLD.nickname)));
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.nickname <> '' THEN
        INSERT INTO nicknames (user_id) VALUES (NEW.id) RETURNING n INTO number;
        INSERT INTO nickname_ends (n, ending) SELECT number, ends_of(NEW.nickname);
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER users_named AFTER INSERT ON users FOR EACH ROW WHEN (NEW.nickname <> '') EXECUTE FUNCTION index_nickname();
CREATE TRIGGER users_renamed AFTER UPDATE OF nickname ON users FOR EACH ROW WHEN (NEW.nickname <> OLD.nickname) EXECUTE FUNCTION index_nickname();
CREATE TRIGGER users_gone AFTER DELETE ON users FOR EACH ROW WHEN (OLD.nickname <> '') EXECUTE FUNCTION index_nickname();

-- +goose StatementBegin
CREATE FUNCTION count_users() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    number BIGINT := (SELECT COUNT(*) FROM touched) * CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
BEGIN
    IF number <> 0 THEN
        INSERT INTO totals (shard, people, sessions) VALUES (pg_backend_pid() % 1024, number, 0)
            ON CONFLICT (shard) DO UPDATE SET people = totals.people + excluded.people;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION count_sessions() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    number BIGINT := (SELECT COUNT(*) FROM touched WHERE kind = 'visitor') * CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
BEGIN
    IF number <> 0 THEN
        INSERT INTO totals (shard, people, sessions) VALUES (pg_backend_pid() % 1024, 0, number)
            ON CONFLICT (shard) DO UPDATE SET sessions = totals.sessions + excluded.sessions;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER users_came AFTER INSERT ON users REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION count_users();
CREATE TRIGGER users_went AFTER DELETE ON users REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION count_users();
CREATE TRIGGER sessions_came AFTER INSERT ON sessions REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION count_sessions();
CREATE TRIGGER sessions_went AFTER DELETE ON sessions REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION count_sessions();
