-- +goose Up

-- An address and a browser are kept with the person they are of, so that an erasure
-- finds them. A return from WeChat that named nobody kept them for half a year: the
-- first silent trip of everybody among them.
--
-- And from here on the table tallied also has the row 'swept': in which quarter hour
-- a sweep was last.
UPDATE logins SET remote_addr = '', user_agent = '' WHERE user_id IS NULL AND (remote_addr <> '' OR user_agent <> '');
UPDATE logins SET session_hash = '' WHERE outcome IN ('unknown', 'failed') AND session_hash <> '';
